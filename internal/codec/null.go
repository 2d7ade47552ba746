package codec

import (
	"encoding/json"
	"reflect"
)

// NotNull replaces a nil slice or map by an empty one: [] and {}, where encoding/json says
// null.
func NotNull(out any) any {
	v := reflect.ValueOf(out)
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Map || !v.IsNil() {
		return out
	}
	if _, own := out.(json.Marshaler); own {
		return out
	}
	if v.Kind() == reflect.Map {
		return reflect.MakeMap(v.Type()).Interface()
	}
	return reflect.MakeSlice(v.Type(), 0, 0).Interface()
}
