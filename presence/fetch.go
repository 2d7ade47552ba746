package presence

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

const mostFetches = 8 // of a tracker, at a time

var errFetches = fault.Exhausted.Errorf("presence: too many Fetches are under way")

// fetch asks Fetch about the keys of presences. An error is logged and counted here.
func (e *engine) fetch(topic string, ps []*presence) (map[string]any, error) {
	if e.Fetch == nil || len(ps) == 0 || e.ctx.Err() != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(e.ctx, e.FetchTime)
	defer cancel()
	type result struct {
		fields map[string]any
		err    error
	}
	results := make(chan result, 1)
	var got result
	select {
	case e.fetches <- struct{}{}:
		keys := keysOf(ps)
		go func() { // it is left behind if it does not listen to its context
			var r result
			defer func() {
				if v := recover(); v != nil {
					r.err = fmt.Errorf("a panic in Fetch: %v", v)
				}
				<-e.fetches
				results <- r
			}()
			r.fields, r.err = e.Fetch(ctx, topic, keys)
		}()
		select {
		case got = <-results:
		case <-ctx.Done():
			got.err = ctx.Err()
		}
	case <-ctx.Done():
		got.err = errFetches
	}
	if got.err != nil {
		e.fetchFailed(topic, got.err)
	}
	return got.fields, got.err
}

func (e *engine) fetchFailed(topic string, err error) {
	if e.ctx.Err() != nil {
		return // the tracker stops
	}
	telemetry.Count(e.ctx, "presence.fetches.failed", 1)
	telemetry.Log(e.ctx).Warn("presences are shown without the fields of Fetch", "tracker", e.Name, "topic", topic, "reason", err)
}

// keysOf lists the keys of presences, each once.
func keysOf(ps []*presence) (keys []string) {
	seen := make(map[string]struct{}, len(ps))
	for _, p := range ps {
		if _, ok := seen[p.key]; !ok {
			seen[p.key] = struct{}{}
			keys = append(keys, p.key)
		}
	}
	return keys
}

// fields is fetch with the values encoded, each as a JSON object.
func (e *engine) fields(topic string, ps []*presence) (map[string][]byte, error) {
	values, err := e.fetch(topic, ps)
	if err != nil || len(values) == 0 {
		return nil, err
	}
	fields := make(map[string][]byte, len(values))
	for key, v := range values {
		text, err := encodeFields(v)
		if err != nil {
			e.fetchFailed(topic, fmt.Errorf("the fields of the key %q: %w", key, err))
			return nil, err
		}
		fields[key] = text
	}
	return fields, nil
}

func encodeFields(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	switch {
	case err != nil:
		return nil, err
	case bytes.Equal(text, []byte("null")):
		return nil, nil
	case text[0] != '{':
		return nil, fault.Internal.Errorf("what Fetch gives for a key must encode as a JSON object, and %T does not", v)
	case hasField(text, "metas"):
		return nil, fault.Internal.Errorf("what Fetch gives for a key has a field metas, which is the tracker's")
	}
	return text, nil
}
