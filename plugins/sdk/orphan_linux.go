package sdk

import (
	"os"
	"runtime"
	"syscall"
)

// askForSIGTERM has the kernel send SIGTERM at the death of Sallyport, to which
// there is an answer, and not SIGKILL, as Sallyport wants it for programs of which
// it knows nothing. Otherwise it reports false, and SIGKILL stays: it ends this
// process, but not what it has started.
func askForSIGTERM() bool {
	ask := func(trap func(number, a1, a2, a3 uintptr) (r1, r2 uintptr, err syscall.Errno)) bool {
		_, _, err := trap(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0)
		return err == 0
	}
	// What counts is what the first thread asks for. They cannot all be told in a
	// program with C, which may be no more than the resolver's.
	return ask(syscall.AllThreadsSyscall) || onFirstThread(func() bool { return ask(syscall.RawSyscall) })
}

// onFirstThread calls f on the first thread of the process, by occupying free
// threads until it comes to that one. It reports false if f does, or if the thread
// is busy: one that waits for signals is.
func onFirstThread(f func() bool) (done bool) {
	found, stay := make(chan bool), make(chan struct{})
	defer close(stay)
	const most = 32
	for range most {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			first := syscall.Gettid() == os.Getpid()
			if first {
				done = f()
			}
			found <- first
			<-stay
		}()
		if <-found {
			break
		}
	}
	return done
}
