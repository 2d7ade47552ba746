package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/bennu-go/bennu/view"
	"github.com/bennu-go/bennu/web"
)

// Report is the page of a year, to be printed: html/template, by package view.
const Report view.Page[Year] = "report"

// Year is what the report tells.
type Year struct {
	Year    int
	Notices []Notice
	Kinds   []KindCount
}

// KindCount is how many notices of a kind there were.
type KindCount struct {
	Kind  Kind
	Count int
}

type reportQuery struct {
	Year int `path:"year" validate:"min=2000,max=9999"`
}

func (s *Site) report(ctx context.Context, q reportQuery) (web.View, error) {
	notices, err := s.store.Year(ctx, q.Year)
	year := Year{Year: q.Year, Notices: notices}
	for _, kind := range Kind.Enum("") {
		count := KindCount{Kind: kind}
		for _, n := range notices {
			if n.Kind == kind {
				count.Count++
			}
		}
		year.Kinds = append(year.Kinds, count)
	}
	return Report.View(year), err
}

// export streams all notices as a file for spreadsheets, however many there are.
func (s *Site) export(c *web.Conn) error {
	c.Header().Set("Content-Disposition", `attachment; filename="notices.csv"`)
	return c.Stream("text/csv; charset=utf-8", func(w io.Writer) error { return s.writeCSV(c.Context(), w) })
}

func (s *Site) writeCSV(ctx context.Context, w io.Writer) error {
	out := csv.NewWriter(bufio.NewWriterSize(w, 64<<10))                                          // each write to w is sent at once
	_ = out.Write([]string{"id", "posted", "author", "kind", "title", "body", "street", "phone"}) // Flush tells
	for last := int64(0); ; {
		notices, err := s.store.After(ctx, last, 500)
		if err != nil {
			return err
		}
		for _, n := range notices {
			_ = out.Write([]string{
				strconv.FormatInt(n.ID, 10), n.Posted.Format(time.RFC3339), plain(n.Author), string(n.Kind),
				plain(n.Title), plain(n.Body), plain(n.Contact.Street), plain(n.Contact.Phone),
			})
			last = n.ID
		}
		if out.Flush(); out.Error() != nil || len(notices) == 0 {
			return out.Error()
		}
	}
}

// plain keeps spreadsheets from taking a text for a formula.
func plain(text string) string {
	if text != "" && (text[0] == '=' || text[0] == '+' || text[0] == '-' || text[0] == '@') {
		return "'" + text
	}
	return text
}
