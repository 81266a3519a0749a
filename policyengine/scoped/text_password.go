package scoped

// SplitPINAndOTP parts a password of a PIN and an OTP value of otpLen
// characters (split_pin_pass). With pinFirst the OTP value is at the end, else at
// the beginning. A password that is too short is all OTP value.
func SplitPINAndOTP(password string, otpLen int, pinFirst bool) (pin, otp string) {
	runes := []rune(password)
	otpLen = min(max(otpLen, 0), len(runes))
	switch {
	case pinFirst && otpLen == 0:
		// The original takes everything for the OTP value here, so that nothing is
		// ever checked as a PIN that the policy did not ask for.
		return "", password
	case pinFirst:
		return string(runes[:len(runes)-otpLen]), string(runes[len(runes)-otpLen:])
	}
	return string(runes[otpLen:]), string(runes[:otpLen])
}
