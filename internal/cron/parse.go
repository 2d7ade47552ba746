package cron

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones for machines that have none, see the package comment

	"github.com/robfig/cron/v3"

	"github.com/bennu-go/bennu/fault"
)

const (
	longest = 256 // bytes of an expression
	advice  = `write minute hour day month weekday, as in "30 3 * * *" (every day at 3:30) or "*/15 * * * MON-FRI", with the seconds first if there are six fields`
)

var parser = cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// element is what may stand between two commas. The parser would take more, such as "*-x".
var element = regexp.MustCompile(`^(?i:[*?]|(\d{1,2}|[a-z]{3})(-(\d{1,2}|[a-z]{3}))?)(/\d{1,2})?$`)

// fields are the fields in their order, with how many values each has.
var fields = [...]struct {
	name, values string
	size         int
}{
	{"second", "0 to 59", 60},
	{"minute", "0 to 59", 60},
	{"hour", "0 to 23", 24},
	{"day of the month", "1 to 31", 31},
	{"month", "1 to 12 or JAN to DEC", 12},
	{"weekday", "0 (Sunday) to 6 or SUN to SAT", 7},
}

// Zone gives a time zone by its name in the IANA database, as in "Europe/Paris". The empty
// name is UTC. "Local" is refused: a schedule must mean the same on each machine.
func Zone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fault.Invalid.Errorf(`%q is not a time zone; write a name of the IANA database, as in "Europe/Paris" or "UTC"`, name)
	}
	return zone, nil
}

// Parse reads a cron expression, see the package comment, for the clock of a zone; nil is
// UTC. What is not an expression, and what is never due, such as 30 February, is refused
// with [fault.Invalid].
func Parse(expr string, zone *time.Location) (Spec, error) {
	if len(expr) > longest {
		return Spec{}, fault.Invalid.Errorf("a cron expression has at most %d bytes; this one has %d", longest, len(expr))
	}
	words := strings.Fields(expr)
	s := Spec{text: strings.Join(words, " "), zone: zone}
	if zone == nil {
		s.zone = time.UTC
	}
	refuse := func(format string, args ...any) (Spec, error) {
		why := fault.Detail(fault.Invalid.Errorf(format, args...))
		return Spec{}, fault.Invalid.Errorf("the cron expression %q: %s", s.text, why)
	}
	switch {
	case len(words) == 0:
		return Spec{}, fault.Invalid.Errorf("the cron expression is empty; %s", advice)
	case strings.Contains(words[0], "="):
		return refuse("the zone is not part of the expression; it is the schedule's Zone")
	case strings.EqualFold(words[0], "@every"):
		return refuse("an interval is not an expression; it is the schedule's Every")
	case words[0][0] == '@':
		if !s.name() {
			return refuse("unknown name; there are @hourly, @daily, @weekly, @monthly and @yearly")
		}
		return s, nil
	case len(words) == 5:
		words = append([]string{"0"}, words...)
	case len(words) != 6:
		return refuse("it has %d fields; %s", len(words), advice)
	}
	for i, into := range []*set{&s.second, &s.minute, nil, &s.day, &s.month, &s.weekday} {
		values, single, err := parseField(i, words[i])
		switch {
		case err != nil:
			return refuse("%s", fault.Detail(err))
		case into != nil:
			*into = values | single
		default:
			s.floating, s.fixed = values, single&^values
		}
	}
	if !s.possible() {
		return refuse("there is no such day in any of these months, so it would never be due")
	}
	return s, nil
}

// name takes the fields of one of the parser's names, and reports whether it is one.
func (s *Spec) name() bool {
	parsed, err := parser.Parse(s.text)
	spec, ok := parsed.(*cron.SpecSchedule)
	if err != nil || !ok {
		return false
	}
	s.second, s.minute, s.day = set(spec.Second), set(spec.Minute), set(spec.Dom)
	s.month, s.weekday, s.fixed = set(spec.Month), set(spec.Dow), set(spec.Hour)
	if s.fixed&star != 0 {
		s.floating, s.fixed = s.fixed, 0
	}
	return true
}

// parseField gives the values of a field: those of elements that have several, and of
// those that have a single one.
func parseField(i int, text string) (several, single set, err error) {
	f := fields[i]
	for e := range strings.SplitSeq(text, ",") {
		values, err := parseElement(i, e)
		if err != nil {
			return 0, 0, fault.Invalid.Errorf("the %s is %q; write %s, or a range (1-5), a step (*/5) or a list (1,5)", f.name, text, f.values)
		}
		if _, step, _ := strings.Cut(e, "/"); step != "" {
			if n, _ := strconv.Atoi(step); n > f.size {
				return 0, 0, fault.Invalid.Errorf("the %s is %q: a step goes up to %d; for longer intervals there is the schedule's Every", f.name, text, f.size)
			}
		}
		if rest := values &^ star; rest&(rest-1) == 0 {
			single |= values
		} else {
			several |= values
		}
	}
	return several, single, nil
}

// parseElement has the parser read an element in the place of its field.
func parseElement(i int, text string) (set, error) {
	if !element.MatchString(text) {
		return 0, fault.Invalid
	}
	words := [len(fields)]string{"*", "*", "*", "*", "*", "*"}
	words[i] = text
	parsed, err := parser.Parse(strings.Join(words[:], " "))
	if err != nil {
		return 0, err
	}
	s := parsed.(*cron.SpecSchedule)
	return set([...]uint64{s.Second, s.Minute, s.Hour, s.Dom, s.Month, s.Dow}[i]), nil
}

// possible reports whether some year has such a day.
func (s Spec) possible() bool {
	if s.weekday&star == 0 && s.day&star == 0 {
		return true // a weekday is enough, and each month has all
	}
	for month := s.month.from(1); month <= 12; month = s.month.from(month + 1) {
		days := time.Date(2000, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
		if s.day.from(1) <= days {
			return true
		}
	}
	return false
}
