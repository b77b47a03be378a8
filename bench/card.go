package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	// maxPANLength is the contract's bound on a card number.
	maxPANLength = 19
	// maxConsecutive bounds what ConsecutiveCards makes.
	maxConsecutive = 1_000_000_000
)

// Card is a gift card that the server knows. Expiry (YYMM) and PIN are left out of the messages
// when they are empty.
type Card struct {
	PAN, Expiry, PIN string
}

// ReadCards reads one card a line: PAN, expiry and PIN separated by commas, the last two
// optional. Empty lines, lines that begin with # and a first line of column names are skipped.
// Errors name the line and never what stands in it.
func ReadCards(r io.Reader) ([]Card, error) {
	var cards []Card
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || number == 1 && strings.HasPrefix(strings.ToLower(line), "pan") {
			continue
		}
		card, err := parseCard(line)
		if err != nil {
			return nil, fmt.Errorf("cards, line %d: %w", number, err)
		}
		cards = append(cards, card)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read cards: %w", err)
	}
	return cards, nil
}

func parseCard(line string) (Card, error) {
	fields := append(strings.Split(line, ","), "", "")
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return checkCard(Card{PAN: fields[0], Expiry: fields[1], PIN: fields[2]})
}

func checkCard(card Card) (Card, error) {
	switch {
	case len(card.PAN) < 1 || len(card.PAN) > maxPANLength || !digits(card.PAN):
		return Card{}, fmt.Errorf("the card number is not 1 to %d digits", maxPANLength)
	case card.Expiry != "" && (len(card.Expiry) != 4 || !digits(card.Expiry)):
		return Card{}, fmt.Errorf("the expiry is not four digits (YYMM)")
	case !digits(card.PIN):
		return Card{}, fmt.Errorf("the PIN is not made of digits")
	}
	return card, nil
}

func digits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}

// ConsecutiveCards makes count cards, at least one, whose numbers follow each other, all as long as the first. The error is
// an OptionError.
func ConsecutiveCards(first string, count int, expiry string) ([]Card, error) {
	if _, err := checkCard(Card{PAN: first, Expiry: expiry}); err != nil {
		return nil, asked(err)
	}
	start, err := strconv.ParseUint(first, 10, 64)
	if err != nil {
		return nil, asked(errors.New("the first card number is too great"))
	}
	if count < 1 || count > maxConsecutive {
		return nil, asked(fmt.Errorf("the number of cards must be 1 to %d", maxConsecutive))
	}
	cards := make([]Card, count)
	for i := range cards {
		cards[i] = Card{PAN: fmt.Sprintf("%0*d", len(first), start+uint64(i)), Expiry: expiry}
	}
	if len(cards[count-1].PAN) != len(first) {
		return nil, asked(fmt.Errorf("%d card numbers from the first one on grow longer than it is", count))
	}
	return cards, nil
}
