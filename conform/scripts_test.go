package conform

import "testing"

func TestTheEmbeddedScriptsCanBeRead(t *testing.T) {
	scripts, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, s := range scripts {
		cases += len(s.Cases)
	}
	t.Logf("%d cases in %d scripts", cases, len(scripts))
	if cases < 100 {
		t.Errorf("only %d cases in %d scripts", cases, len(scripts))
	}
}
