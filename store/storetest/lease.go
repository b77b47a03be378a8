package storetest

import "testing"

func testLeases(t *testing.T, h *harness) {
	t.Run("who is alone holds every lease", h.with(leasesAlone))
}

// leasesAlone takes, prolongs and gives up leases where nobody else wants them. RunNodes has somebody else want them.
func leasesAlone(r *room) {
	for _, name := range []string{"import", "queue/issuer"} {
		for _, step := range []string{"taken", "prolonged", "taken again"} {
			if held, err := r.driver.Lease(r.Context(), name); err != nil || !held {
				r.Errorf("%s, %s: held=%t, %v", name, step, held, err)
			}
			if step == "prolonged" {
				for range 2 { // the second one has nothing to give up
					if err := r.driver.Release(r.Context(), name); err != nil {
						r.Errorf("%s: release: %v", name, err)
					}
				}
			}
		}
	}
}
