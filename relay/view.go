package relay

import "github.com/scripworks/scrip/saf"

// Queues gives the queue of each upstream as it stands, in the order of the settings. Its counts are of committed records
// and a few seconds old; when they cannot be had they are zero.
func (r *Relay) Queues() []saf.View {
	counted, err := r.levels.get(r.life)
	if err != nil && r.life.Err() == nil {
		r.settings.Log.Error("cannot count the queues", "error", err)
	}
	views := make([]saf.View, 0, len(r.settings.Upstreams))
	for _, u := range r.settings.Upstreams {
		v := r.upstreams[u.Name].queue.view()
		v.Count(counted)
		views = append(views, v)
	}
	return views
}

// Pause stops the line of an upstream, or has it go on. Requests are not concerned. An unknown upstream has no line.
func (r *Relay) Pause(upstream string, paused bool) {
	if u := r.upstreams[upstream]; u != nil {
		u.queue.pause(paused)
	}
}

// Look has the line of an upstream read its items anew, and try again what was stopped by a refused credential: an
// operator has changed something.
func (r *Relay) Look(upstream string) {
	if u := r.upstreams[upstream]; u != nil {
		u.queue.look()
	}
}
