package plugins

import (
	"sync"

	"github.com/sallyport-auth/sallyport/config"
)

// ground is what programs stand on: the private directory with their copies and
// sockets, and the thread that starts them. The Hosts of one process share it
// through their programs; it goes when the last of them does.
type ground struct {
	sockets  string // the setting that it was made with
	private  *privateDir
	launcher *launcher

	mu    sync.Mutex // guards users, and the holders of all programs
	users int
}

// newGround makes a ground with one user.
func newGround(cfg *config.Config) (*ground, error) {
	private, err := newPrivateDir(cfg)
	if err != nil {
		return nil, err
	}
	return &ground{sockets: cfg.Plugins.Sockets, private: private, launcher: newLauncher(), users: 1}, nil
}

// hold adds a user. It reports false when the last one has left.
func (g *ground) hold() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users == 0 {
		return false
	}
	g.users++
	return true
}

func (g *ground) release() {
	g.mu.Lock()
	g.users--
	last := g.users == 0
	g.mu.Unlock()
	if last {
		g.launcher.close()
		g.private.remove()
	}
}

// hold adds a Host to those that use the program. It reports false when the last
// one has left.
func (p *program) hold() bool {
	p.ground.mu.Lock()
	defer p.ground.mu.Unlock()
	if p.holders == 0 {
		return false
	}
	p.holders++
	return true
}

// release ends the program if nobody else holds it.
func (p *program) release() {
	p.ground.mu.Lock()
	p.holders--
	last := p.holders == 0
	p.ground.mu.Unlock()
	if last {
		p.stop()
		p.ground.release()
	}
}
