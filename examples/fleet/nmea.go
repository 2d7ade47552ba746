package main

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// sentence is what an NMEA 0183 line says, as far as it concerns us.
type sentence struct {
	kind     sentenceKind
	date     time.Time     // RMC: midnight UTC
	clock    time.Duration // since midnight UTC
	lat, lon float64
	speed    *float64 // RMC, m/s
	heading  *float64 // RMC
	altitude *float64 // GGA
}

type sentenceKind uint8

const (
	other sentenceKind = iota // a sound sentence of another kind
	noFix                     // RMC or GGA of a receiver that does not know where it is
	rmc
	gga
)

// dirt is why a line is dropped.
type dirt string

func (d dirt) Error() string { return "NMEA: " + string(d) }

const (
	badForm     dirt = "form"     // not $…*hh in printable ASCII
	badChecksum dirt = "checksum" // missing or wrong
	badField    dirt = "field"    // a value that cannot be read, or cannot be
)

const maxSentence = 256 // the standard says 82; some receivers send more

// parseSentence reads one line, without its end.
func parseSentence(line []byte) (sentence, error) {
	if len(line) < 6 || len(line) > maxSentence || line[0] != '$' && line[0] != '!' {
		return sentence{}, badForm
	}
	var sum byte
	star := -1
	for i, c := range line[1:] {
		if c < ' ' || c > '~' {
			return sentence{}, badForm
		}
		if c == '*' {
			star = i + 1
			break
		}
		sum ^= c
	}
	if star < 0 || star+3 != len(line) {
		return sentence{}, badChecksum
	}
	given, err := strconv.ParseUint(string(line[star+1:]), 16, 8)
	if err != nil || byte(given) != sum {
		return sentence{}, badChecksum
	}
	var fields [24][]byte
	n := 0
	for rest, more := line[1:star], true; more && n < len(fields); n++ {
		fields[n], rest, more = bytes.Cut(rest, []byte(","))
	}
	switch address := fields[0]; {
	case len(address) != 5 || line[0] != '$':
		return sentence{}, nil
	case string(address[2:]) == "RMC":
		return parseRMC(fields[:n])
	case string(address[2:]) == "GGA":
		return parseGGA(fields[:n])
	}
	return sentence{}, nil
}

func parseRMC(f [][]byte) (s sentence, err error) {
	switch {
	case len(f) < 10:
		return s, badField
	case string(f[2]) != "A":
		return sentence{kind: noFix}, nil
	}
	s.kind = rmc
	var ok [4]bool
	s.clock, ok[0] = parseClock(f[1])
	s.date, ok[1] = parseDate(f[9])
	s.lat, ok[2] = parseAngle(f[3], f[4], 'N', 'S', 90)
	s.lon, ok[3] = parseAngle(f[5], f[6], 'E', 'W', 180)
	if ok != [4]bool{true, true, true, true} {
		return s, badField
	}
	if s.speed, err = parseOptional(f[7], metresPerKnot); err != nil {
		return s, err
	}
	s.heading, err = parseOptional(f[8], 1)
	return s, err
}

func parseGGA(f [][]byte) (s sentence, err error) {
	switch {
	case len(f) < 10:
		return s, badField
	case string(f[6]) == "0" || len(f[6]) == 0:
		return sentence{kind: noFix}, nil
	}
	s.kind = gga
	var ok [4]bool
	s.clock, ok[0] = parseClock(f[1])
	s.lat, ok[1] = parseAngle(f[2], f[3], 'N', 'S', 90)
	s.lon, ok[2] = parseAngle(f[4], f[5], 'E', 'W', 180)
	ok[3] = len(f[6]) == 1 && f[6][0] >= '1' && f[6][0] <= '9'
	if ok != [4]bool{true, true, true, true} {
		return s, badField
	}
	s.altitude, err = parseOptional(f[9], 1)
	return s, err
}

// parseClock reads hhmmss or hhmmss.sss.
func parseClock(f []byte) (time.Duration, bool) {
	if len(f) < 6 || !digits(f[:6]) || len(f) > 6 && (f[6] != '.' || !digits(f[7:])) {
		return 0, false
	}
	h, m, s := two(f), two(f[2:]), two(f[4:])
	if h > 23 || m > 59 || s > 60 { // 60 in a leap second
		return 0, false
	}
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
	if len(f) > 7 {
		unit := time.Second
		for _, c := range f[7:] {
			unit /= 10
			d += time.Duration(c-'0') * unit
		}
	}
	return d, true
}

// parseDate reads ddmmyy.
func parseDate(f []byte) (time.Time, bool) {
	if len(f) != 6 || !digits(f) {
		return time.Time{}, false
	}
	day, month, year := two(f), two(f[2:]), 2000+two(f[4:])
	if year >= 2080 { // GPS began in 1980
		year -= 100
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t, t.Day() == day && int(t.Month()) == month
}

// parseAngle reads degrees and minutes, [d]ddmm.mmmm, and the hemisphere.
func parseAngle(f, hemisphere []byte, plus, minus byte, most float64) (float64, bool) {
	whole, fraction, _ := bytes.Cut(f, []byte("."))
	n := len(whole)
	if n < 3 || n > 5 || !digits(whole) || !digits(fraction) || len(hemisphere) != 1 {
		return 0, false
	}
	degrees, err := strconv.ParseFloat(string(whole[:n-2]), 64)
	minutes, err2 := strconv.ParseFloat(string(f[n-2:]), 64)
	if err != nil || err2 != nil || minutes >= 60 {
		return 0, false
	}
	angle := degrees + minutes/60
	if hemisphere[0] == minus {
		angle = -angle
	}
	return angle, within(angle, -most, most) && (hemisphere[0] == plus || hemisphere[0] == minus)
}

func parseOptional(f []byte, scale float64) (*float64, error) {
	if len(f) == 0 {
		return nil, nil
	}
	v, err := strconv.ParseFloat(string(f), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, badField
	}
	v *= scale
	return &v, nil
}

func digits(f []byte) bool {
	for _, c := range f {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func two(f []byte) int { return int(f[0]-'0')*10 + int(f[1]-'0') }

const (
	maxGuess = 10 * time.Minute
	halfDay  = 12 * time.Hour
)

// when gives the time of a sentence. A GGA has no date: it takes that of last, the
// unit's latest RMC, or of the day before or after if that is nearer; without one, that
// of now, if this makes it no more than 10 minutes from now.
func (s sentence) when(last, now time.Time) (time.Time, bool) {
	if s.kind == rmc {
		return s.date.Add(s.clock), true
	}
	base, most := last, halfDay
	if last.IsZero() {
		base, most = now.UTC(), maxGuess
	}
	day := base.Truncate(24 * time.Hour)
	for _, t := range []time.Time{day.Add(s.clock), day.Add(s.clock - 24*time.Hour), day.Add(s.clock + 24*time.Hour)} {
		if t.Sub(base).Abs() <= most {
			return t, true
		}
	}
	return time.Time{}, false
}

// fix is the sentence as a unit's position at that time.
func (s sentence) fix(unit string, at time.Time) Fix {
	return Fix{Unit: unit, Altitude: s.altitude, Position: Position{at, s.lat, s.lon, s.speed, s.heading}}
}
