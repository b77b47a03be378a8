package floorplan

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Breach is one place where a module does not follow its plan.
type Breach struct {
	Where string // the file and line, or the directory of a package that is not on the plan
	What  string // what is wrong there
}

// String is the breach as a compiler would report it.
func (b Breach) String() string { return b.Where + ": " + b.What }

// Check reads every Go file of a module and returns what breaks the plan, ordered by package and
// file; none means that the drawing is true. The file system is the module's root directory. What
// Go itself passes over (testdata, vendor, names that begin with a dot or an underscore, nested
// modules) is passed over here. Files are read whatever their build constraints say, so a breach
// cannot hide behind a tag.
//
// Tests may import any package that is on the plan, in every direction, because a rule is tried
// against a store and a store against the rules. All else holds for the other files alone.
//
// The error is one of reading or parsing; then nothing is known about the plan.
func (p Plan) Check(module fs.FS) ([]Breach, error) {
	rooms, err := roomsOf(module)
	if err != nil {
		return nil, fmt.Errorf("look for packages: %w", err)
	}
	var breaches []Breach
	for _, room := range slices.Sorted(maps.Keys(rooms)) {
		if !p.has(room) {
			breaches = append(breaches, Breach{room, "has no floor; draw it in floorplan.House first"})
			continue
		}
		for _, file := range rooms[room] {
			found, err := p.checkFile(module, room, file)
			if err != nil {
				return nil, err
			}
			breaches = append(breaches, found...)
		}
	}
	return breaches, nil
}

// roomsOf finds the Go files of each directory that holds any.
func roomsOf(module fs.FS) (map[string][]string, error) {
	rooms := map[string][]string{}
	err := fs.WalkDir(module, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && passedOver(module, name):
			return fs.SkipDir
		case !d.IsDir() && path.Ext(name) == ".go":
			rooms[path.Dir(name)] = append(rooms[path.Dir(name)], name)
		}
		return nil
	})
	return rooms, err
}

// passedOver says whether the go command would not look into the directory.
func passedOver(module fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	_, err := fs.Stat(module, path.Join(dir, "go.mod"))
	return err == nil || base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")
}

func (p Plan) checkFile(module fs.FS, room, name string) ([]Breach, error) {
	text, err := fs.ReadFile(module, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	var breaches []Breach
	report := func(at token.Pos, what string) {
		where := positions.Position(at)
		breaches = append(breaches, Breach{fmt.Sprintf("%s:%d", where.Filename, where.Line), what})
	}
	isTest := strings.HasSuffix(name, "_test.go")
	p.checkImports(file, room, isTest, report)
	if p.pure(room) && !isTest {
		checkClock(file, report)
	}
	return breaches, nil
}

func (p Plan) checkImports(file *ast.File, room string, isTest bool, report func(token.Pos, string)) {
	for _, spec := range file.Imports {
		imported := importPath(spec)
		to, ours := strings.CutPrefix(imported, p.Module+"/")
		switch {
		case ours && isTest && !p.has(to):
			report(spec.Pos(), to+" has no floor")
		case isTest:
		case ours:
			if why := p.sees(room, to); why != "" {
				report(spec.Pos(), why)
			}
		case p.pure(room) && p.outside(room, imported):
			report(spec.Pos(), fmt.Sprintf("%s on floor %d may not know %s", room, p.floor(room), imported))
		}
	}
}

// clock are the names of package time that read the clock or wait for it.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// checkClock reports each use of the clock, called or only passed on as a value. It goes by the
// names under which the file imports package time.
func checkClock(file *ast.File, report func(token.Pos, string)) {
	var names []string
	for _, spec := range file.Imports {
		switch {
		case importPath(spec) != "time":
		case spec.Name == nil:
			names = append(names, "time")
		case spec.Name.Name == ".":
			report(spec.Pos(), "time may not be imported with a dot: the clock must be recognisable")
		default:
			names = append(names, spec.Name.Name)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(clock, s.Sel.Name) {
			if x, ok := s.X.(*ast.Ident); ok && slices.Contains(names, x.Name) {
				report(s.Pos(), "time."+s.Sel.Name+" asks the clock; on the lower floors time enters as a value")
			}
		}
		return true
	})
}

// importPath is the path a file imports. The parser has accepted it, so it is a proper literal.
func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic("floorplan: the parser let pass the import " + spec.Path.Value)
	}
	return p
}
