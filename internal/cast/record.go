package cast

import (
	"fmt"
	"reflect"
)

// part is a field of a struct.
type part struct {
	name  string
	index []int
	cast  *Type
}

func (m maker) record(made *Type) error {
	made.want = "an object"
	var parts []part
	for _, f := range Fields(made.goType) {
		c, err := m.of(f.Type)
		if err != nil {
			return fmt.Errorf("%v.%s: %w", made.goType, f.Name, err)
		}
		parts = append(parts, part{NameOf(f), f.Index, c})
	}
	made.value = func(v reflect.Value, x any) error {
		all, ok := x.(map[string]any)
		if !ok {
			return &Error{Want: made.want}
		}
		to := reflect.New(made.goType).Elem()
		to.Set(v)
		for _, p := range parts {
			given, ok := all[p.name]
			if !ok {
				continue
			}
			if err := p.cast.Set(to.FieldByIndex(p.index), given); err != nil {
				return under(err, p.name)
			}
		}
		v.Set(to)
		return nil
	}
	return nil
}
