package account

// Portal is an IAM Identity Center portal: what people sign in to.
type Portal struct {
	Session  string   // name of the [sso-session]; "" for a legacy profile, which names the portal itself
	StartURL string   // exactly as in the file: the name of the token's file is made of it
	Region   string   // of the portal
	Scopes   []string // sso_registration_scopes; nil when the file has none
}

const grantDevice = "urn:ietf:params:oauth:grant-type:device_code"
