package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/web"
)

// TripReport is the job that looks for a unit's trips in its track, which may take a while.
const TripReport job.Name[TripQuery] = "trip_report"

// TripQuery says whose trips a report is about, and of when.
type TripQuery struct {
	Unit string    `json:"unit"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// TripFile is a report that is ready, as a file for spreadsheets.
type TripFile struct {
	bun.BaseModel `bun:"table:reports"`
	ID            int64 `bun:",pk"` // the job's
	Unit          string
	CSV           string
	Made          time.Time `data:"created"`
}

// tripReport reads the track page by page. If the program stops, it goes on where it was.
func (s Store) tripReport(ctx context.Context, q TripQuery) error {
	book, resumed, err := job.Resume[Logbook](ctx)
	if err != nil {
		return err
	}
	if !resumed {
		book.Next = q.From
	}
	for more := true; more; {
		track, err := s.Track(ctx, q.Unit, book.Next, q.To, 10*trackPage)
		if err != nil {
			return err
		}
		for _, p := range track {
			book.take(p)
		}
		if more = len(track) == 10*trackPage; more {
			book.Next = track[len(track)-1].At.Add(time.Millisecond)
			if err := job.Checkpoint(ctx, book); err != nil {
				return err
			}
		} else {
			book.stop()
			book.Next = q.To
		}
		done := book.Next.Sub(q.From).Seconds() / q.To.Sub(q.From).Seconds()
		if err := job.Progress(ctx, done, fmt.Sprintf("%d trips", len(book.Trips))); err != nil {
			return err
		}
	}
	return job.Commit(ctx, func(ctx context.Context, tx data.Tx) error {
		return data.Insert(ctx, tx, &TripFile{ID: job.Current(ctx).ID, Unit: q.Unit, CSV: book.csv()})
	})
}

// Trip is a way between two stops.
type Trip struct {
	Began  Position
	Ended  Position
	Metres float64
}

const (
	stopAfter  = 5 * time.Minute // in one place, or not heard of
	stopWithin = 30.0            // m: what is nearer is the same place
	jump       = 2000.0          // m from one position to the next: it was somewhere else in between
)

// Logbook makes trips of positions.
type Logbook struct {
	Trips []Trip
	Open  bool      // the last of them goes on
	Place *Position // where the unit came last, and stays
	Last  time.Time // when it was heard last
	Next  time.Time // what comes before is in the book
}

// take takes positions in the order of their times.
func (b *Logbook) take(p Position) {
	last := b.Last
	b.Last = p.At
	if b.Place == nil {
		b.Place = &p
		return
	}
	metres, _ := way(b.Place.Lat, b.Place.Lon, p.Lat, p.Lon)
	switch {
	case p.At.Sub(last) >= stopAfter || metres > jump:
		b.stop()
		b.Place = &p
	case metres > stopWithin:
		if !b.Open {
			began := *b.Place
			began.At = last // until then it stood there
			b.Trips, b.Open = append(b.Trips, Trip{Began: began}), true
		}
		trip := &b.Trips[len(b.Trips)-1]
		trip.Ended, trip.Metres = p, trip.Metres+metres
		b.Place = &p
	case p.At.Sub(b.Place.At) >= stopAfter:
		b.stop()
	}
}

func (b *Logbook) stop() { b.Open = false }

func (b *Logbook) csv() string {
	var text strings.Builder
	w := csv.NewWriter(&text) // into memory: no error
	_ = w.Write([]string{"began", "ended", "minutes", "km", "from_lat", "from_lon", "to_lat", "to_lon"})
	number := func(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
	for _, t := range b.Trips {
		_ = w.Write([]string{
			t.Began.At.Format(time.RFC3339), t.Ended.At.Format(time.RFC3339),
			number(t.Ended.At.Sub(t.Began.At).Minutes(), 1), number(t.Metres/1000, 2),
			number(t.Began.Lat, 6), number(t.Began.Lon, 6), number(t.Ended.Lat, 6), number(t.Ended.Lon, 6),
		})
	}
	w.Flush()
	return text.String()
}

// The events of a report: a unit's topic takes the request, and report:<id> tells how far
// the report is.
const (
	Trips    channel.Event[TripSpan]   = "trips"
	Progress channel.Event[job.Report] = "progress"
)

// TripSpan is the time that a report is about.
type TripSpan struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// ReportRef names a report: its topic is report:<id>, its file /api/reports/<id>.
type ReportRef struct {
	ID int64 `json:"id"`
}

func (u *UnitChannel) trips(ctx context.Context, span TripSpan) (ReportRef, error) {
	if !span.From.Before(span.To) {
		return ReportRef{}, fault.Invalid.Errorf("a report has from and to, which is later")
	}
	ref, err := TripReport.Enqueue(ctx, TripQuery{u.id, span.From.UTC(), span.To.UTC()})
	return ReportRef{ref.ID}, err
}

// ReportChannel is one client who waits for a report.
type ReportChannel struct{ client *channel.Client }

func joinReport(ctx context.Context, j channel.Join[struct{}]) (*ReportChannel, error) {
	id, err := strconv.ParseInt(j.Key, 10, 64)
	if err != nil {
		return nil, fault.Invalid.Errorf("%q is no report", j.Key)
	}
	if info, err := job.Get(ctx, id); err != nil || info.Name != string(TripReport) {
		return nil, fault.NotFound.Errorf("there is no report %d", id)
	}
	_, err = job.Follow(ctx, id, (*ReportChannel).progress)
	return &ReportChannel{j.Client}, err
}

func (r *ReportChannel) progress(_ context.Context, report job.Report) error {
	report.Reason = "" // that is for the log
	return channel.Push(r.client, Progress, report)
}

// reportFile is the door of a report that is ready.
func (s Store) reportFile(c *web.Conn) error {
	id, err := strconv.ParseInt(c.Path("id"), 10, 64)
	if err != nil {
		return fault.NotFound
	}
	f, err := data.Get[TripFile](c.Context(), s.repo, id)
	if err != nil {
		return err
	}
	return c.Download("trips-"+f.Unit+".csv", strings.NewReader(f.CSV))
}
