package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// recorder is a response writer that knows what has been answered. It passes on
// flushing, hijacking, and through Unwrap all else that [http.ResponseController]
// can do.
type recorder struct {
	http.ResponseWriter
	status int      // of the answer; 0 until it has begun
	bytes  int64    // of the body
	conn   net.Conn // once hijacked
	line   *line    // of the request log; nil in recorders that are not Log's
}

func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) begun() bool { return rec.status != 0 }

func (rec *recorder) begin(status int) {
	informational := status < 200 && status != http.StatusSwitchingProtocols
	if !rec.begun() && !informational {
		rec.status = status
	}
}

func (rec *recorder) WriteHeader(status int) {
	rec.begin(status)
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(p []byte) (int, error) {
	rec.begin(http.StatusOK)
	n, err := rec.ResponseWriter.Write(p)
	rec.bytes += int64(n)
	return n, err
}

// ReadFrom lets io.Copy use sendfile where the server does.
func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	rec.begin(http.StatusOK)
	n, err := io.Copy(rec.ResponseWriter, src)
	rec.bytes += n
	return n, err
}

func (rec *recorder) Flush() { _ = rec.FlushError() }

func (rec *recorder) FlushError() error {
	rec.begin(http.StatusOK)
	return http.NewResponseController(rec.ResponseWriter).Flush()
}

// Hijack is the upgrade to another protocol, which ends the request as far as the
// log is concerned.
func (rec *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(rec.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	rec.conn = conn
	rec.begin(http.StatusSwitchingProtocols)
	if rec.line != nil {
		rec.line.write(rec, false)
	}
	return conn, buf, nil
}

// recorderOf is the nearest recorder that a writer wraps, or nil.
func recorderOf(w http.ResponseWriter) *recorder {
	for {
		switch v := w.(type) {
		case *recorder:
			return v
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return nil
		}
	}
}
