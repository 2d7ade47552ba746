package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// recorder is the response writer of an exchange: it knows what has been answered. It
// passes on flushing, hijacking, and through Unwrap all else that
// [http.ResponseController] can do.
type recorder struct {
	http.ResponseWriter
	x      *exchange
	status int      // of the answer; 0 until it has begun
	bytes  int64    // of the body
	conn   net.Conn // once hijacked
}

func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) begun() bool { return rec.status != 0 }

func (rec *recorder) begin(status int) {
	informational := status < 200 && status != http.StatusSwitchingProtocols
	if rec.status != 0 || informational || status > 999 { // net/http panics above it
		return
	}
	rec.status = status
	rec.x.beforeAnswer()
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

func (rec *recorder) WriteString(s string) (int, error) {
	rec.begin(http.StatusOK)
	n, err := io.WriteString(rec.ResponseWriter, s)
	rec.bytes += int64(n)
	return n, err
}

// ReadFrom lets io.Copy use sendfile where the server does. The answer begins with the
// first byte, so that a source that fails at once can still be told of.
func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	var first int64
	if !rec.begun() {
		var err error
		if first, err = io.Copy(struct{ io.Writer }{rec}, io.LimitReader(src, sniffed)); err != nil || first < sniffed {
			return first, err
		}
	}
	n, err := io.Copy(rec.ResponseWriter, src)
	rec.bytes += n
	return first + n, err
}

const sniffed = 512 // bytes, as net/http does

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
	if rec.status == 0 {
		rec.status = http.StatusSwitchingProtocols
	}
	if rec.x.line.kept {
		rec.x.writeLine(false)
	}
	return conn, buf, nil
}
