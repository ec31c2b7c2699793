//go:build mesh

package mesh

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// files is the content of a volume, by path.
type files map[string]string

// content gathers what a volume holds now; ok is false for those that hold what
// the container writes.
func (r *running) content(v *volume) (out files, ok bool, err error) {
	out = files{}
	switch {
	case v.ConfigMap != nil:
		return out, true, r.add(out, "configmaps", v.ConfigMap)
	case v.Secret != nil:
		return out, true, r.add(out, "secrets", &fileSource{Name: v.Secret.Name, Optional: v.Secret.Optional, Items: v.Secret.Items})
	case v.Projected != nil:
		for _, s := range v.Projected.Sources {
			switch {
			case s.ConfigMap != nil:
				err = r.add(out, "configmaps", s.ConfigMap)
			case s.Secret != nil:
				err = r.add(out, "secrets", s.Secret)
			case s.Token != nil:
				out[s.Token.Path], err = r.serviceToken(s.Token.Audience)
			case s.Downward != nil:
				for _, i := range s.Downward.Items {
					out[i.Path] = r.field(i.Field.FieldPath)
				}
			}
			if err != nil {
				return nil, false, err
			}
		}
		return out, true, nil
	case v.EmptyDir != nil:
		return nil, false, nil
	}
	return nil, false, fmt.Errorf("volume %s: of a kind that the kubelet here does not know", v.Name)
}

// add puts a ConfigMap's or Secret's keys into the files.
func (r *running) add(out files, kind string, s *fileSource) error {
	var object dataObject
	err := r.kubelet.mesh.api.get("/api/v1/namespaces/"+r.pod.Meta.Namespace+"/"+kind+"/"+s.Name, &object)
	if errors.Is(err, errNotFound) && s.Optional {
		return nil
	}
	if err != nil {
		return err
	}
	all := map[string]string{}
	for k, v := range object.Binary {
		all[k] = string(v)
	}
	for k, v := range object.Data {
		if kind == "secrets" {
			v = decodeBase64(v)
		}
		all[k] = v
	}
	if len(s.Items) == 0 {
		maps.Copy(out, all)
	}
	for _, i := range s.Items {
		v, ok := all[i.Key]
		if !ok && !s.Optional {
			return fmt.Errorf("%s %s has no key %s", kind, s.Name, i.Key)
		}
		out[i.Path] = v
	}
	return nil
}

// serviceToken asks for the pod's token once: its RBAC is the manifest's own.
func (r *running) serviceToken(audience string) (string, error) {
	if r.token != "" {
		return r.token, nil
	}
	spec := map[string]any{
		"expirationSeconds": 3600,
		"boundObjectRef":    map[string]any{"kind": "Pod", "apiVersion": "v1", "name": r.pod.Meta.Name, "uid": r.pod.Meta.UID},
	}
	if audience != "" {
		spec["audiences"] = []string{audience}
	}
	var answer struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	path := "/api/v1/namespaces/" + r.pod.Meta.Namespace + "/serviceaccounts/" + r.pod.Spec.ServiceAccountName + "/token"
	in := map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
	if err := r.kubelet.mesh.api.post(path, in, &answer); err != nil {
		return "", err
	}
	r.token = answer.Status.Token
	return r.token, nil
}

// writeVolumes makes the volumes, and brings those up to date whose objects have
// changed since. A kubelet does the latter within a minute or so.
func (r *running) writeVolumes() error {
	for i := range r.pod.Spec.Volumes {
		v := &r.pod.Spec.Volumes[i]
		dir := r.volumeDir(v.Name)
		content, ok, err := r.content(v)
		if err != nil {
			return err
		}
		if last, written := r.written[v.Name]; written && (!ok || maps.Equal(last, content)) {
			continue
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		if ok {
			err = swap(dir, content, v.mode(), r.pod.Spec.Security.FSGroup)
		} else {
			err = os.Chmod(dir, 0o777)
		}
		if err != nil {
			return err
		}
		r.written[v.Name] = content
	}
	return nil
}

func (v *volume) mode() os.FileMode {
	mode := 0
	switch {
	case v.ConfigMap != nil:
		mode = v.ConfigMap.DefaultMode
	case v.Secret != nil:
		mode = v.Secret.DefaultMode
	case v.Projected != nil:
		mode = v.Projected.DefaultMode
	}
	if mode == 0 {
		mode = 0o644
	}
	return os.FileMode(mode)
}

// swap writes files as a kubelet does (P3): a folder of this version, to which the
// link ..data is turned in one step; the files are links through it.
func swap(dir string, content files, mode os.FileMode, group *int) error {
	version := ".." + strconv.FormatInt(time.Now().UnixNano(), 10)
	for name, text := range content {
		file := filepath.Join(dir, version, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if group != nil {
			mode |= 0o440
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			return err
		}
		if group != nil {
			if err := os.Chown(file, 0, *group); err != nil {
				return err
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, version), 0o755); err != nil {
		return err
	}
	data := filepath.Join(dir, "..data")
	last, _ := os.Readlink(data)
	if err := os.Symlink(version, data+"_tmp"); err != nil {
		return err
	}
	if err := os.Rename(data+"_tmp", data); err != nil {
		return err
	}
	for name := range content {
		first := name
		for d := filepath.Dir(name); d != "."; d = filepath.Dir(d) {
			first = d
		}
		if err := os.Symlink(filepath.Join("..data", first), filepath.Join(dir, first)); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	if last == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(dir, last))
}
