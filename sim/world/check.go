package world

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checker collects what is wrong with a spec, each problem with the path of its field.
type checker struct {
	problems []problem
	seen     map[string]string // "kind value" → path of its first use
}

func (c *checker) bad(path, format string, args ...any) {
	c.problems = append(c.problems, problem{path, fmt.Sprintf(format, args...)})
}

// once demands a value that nothing of the kind has used yet.
func (c *checker) once(path, kind, value string) {
	if value == "" {
		c.bad(path, "is missing")
		return
	}
	key := kind + " " + value
	if first, ok := c.seen[key]; ok {
		c.bad(path, "%s %q is taken by %s", kind, value, first)
		return
	}
	if c.seen == nil {
		c.seen = map[string]string{}
	}
	c.seen[key] = path
}

func (c *checker) match(path, value string, pattern *regexp.Regexp, what string) {
	if !pattern.MatchString(value) {
		c.bad(path, "%q is not %s", value, what)
	}
}

func (c *checker) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.bad(path, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
}

var (
	sixDigits    = regexp.MustCompile(`^\d{6}$`)
	accountID    = regexp.MustCompile(`^\d{12}$`)
	accessKey    = regexp.MustCompile(`^AKIA[A-Z0-9]{16}$`)
	regionName   = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
	iamName      = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	rolePath     = regexp.MustCompile(`^/([!-~]+/)?$`)
	instanceID   = regexp.MustCompile(`^(i-[0-9a-f]{8}|i-[0-9a-f]{17}|mi-[0-9a-f]{17})$`)
	dbID         = regexp.MustCompile(`^[a-zA-Z]([a-zA-Z0-9]|-[a-zA-Z0-9]){0,62}$`)
	policyName   = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
	resourceHex  = regexp.MustCompile(`^([0-9a-f]{8}|[0-9a-f]{17})$`)
	documentName = regexp.MustCompile(`^[a-zA-Z0-9_\-.]{3,128}$`)
)

func (c *checker) spec(s *Spec) {
	c.match("mfa_code", s.MFACode, sixDigits, "six digits")
	for i, name := range s.NotOptedIn {
		c.match(fmt.Sprintf("not_opted_in[%d]", i), name, regionName, "a region")
	}
	for i := range s.Accounts {
		c.account(fmt.Sprintf("accounts[%d]", i), &s.Accounts[i])
	}
	c.portals(s)
	c.topology(s)
	for at, to := range s.Dials {
		c.dial("dials."+at, at, to)
	}
	slices.SortStableFunc(c.problems, func(a, b problem) int { return strings.Compare(a.path, b.path) })
}

func (c *checker) dial(path, at, to string) {
	host, port, err := net.SplitHostPort(at)
	if n, convErr := strconv.Atoi(port); err != nil || convErr != nil || host == "" || n < 1 || n > 65535 {
		c.bad(path, "%q is not host:port", at)
	}
	if to == Silent || to == Refused || to == Unresolvable {
		return
	}
	if _, err := netip.ParseAddrPort(to); err != nil {
		c.bad(path, "%q is neither ADDRESS:PORT nor silent, refused or unresolvable", to)
	}
}

func (c *checker) account(path string, a *Account) {
	c.match(path+".id", a.ID, accountID, "an account id of twelve digits")
	c.once(path+".id", "account", a.ID)
	for i, u := range a.Users {
		at := fmt.Sprintf("%s.users[%d]", path, i)
		c.match(at+".name", u.Name, iamName, "an IAM name")
		c.once(at+".name", "user", a.ID+"/"+u.Name)
		c.match(at+".access_key", u.AccessKey, accessKey, "AKIA and sixteen capitals or digits")
		c.once(at+".access_key", "access key", u.AccessKey)
		if len(u.SecretKey) < 16 {
			c.bad(at+".secret_key", "is shorter than 16 characters")
		}
		if u.MFASerial != "" && !strings.HasPrefix(u.MFASerial, "arn:aws:iam::"+a.ID+":mfa/") {
			c.bad(at+".mfa_serial", "%q is not arn:aws:iam::%s:mfa/NAME", u.MFASerial, a.ID)
		}
		if _, err := TOTP(u.MFASeed, time.Time{}); err != nil {
			c.bad(at+".mfa_seed", "%v", err)
		}
	}
	for i, r := range a.Roles {
		at := fmt.Sprintf("%s.roles[%d]", path, i)
		c.match(at+".name", r.Name, iamName, "an IAM name")
		c.once(at+".name", "role", a.ID+"/"+r.Name)
		c.match(at+".path", r.Path, rolePath, "a path such as /team/")
		if r.MaxSession < time.Hour || r.MaxSession > 12*time.Hour {
			c.bad(at+".max_session", "%s is not within 1h…12h", r.MaxSession)
		}
		if r.Trust.IsZero() {
			c.bad(at+".trust", "is missing")
		}
		for j, st := range r.Trust.Statements {
			if len(st.Principals) == 0 {
				c.bad(fmt.Sprintf("%s.trust.Statement[%d]", at, j), "has no Principal")
			}
		}
	}
	c.principals(path, a)
	for i := range a.Regions {
		r := &a.Regions[i]
		at := fmt.Sprintf("%s.regions[%d]", path, i)
		c.match(at+".name", r.Name, regionName, "a region")
		c.once(at+".name", "region", a.ID+"/"+r.Name)
		(&regionChecker{c, at, r}).all()
	}
}

// regionChecker checks one region, whose things may only refer to each other.
type regionChecker struct {
	*checker
	at string
	r  *Region
}

func (c *regionChecker) all() {
	if p := c.r.Preferences; p.Idle < time.Minute || p.Idle > time.Hour || p.Max < 0 || p.Max > 24*time.Hour {
		c.bad(c.at+".session_preferences", "idle is within 1m…60m, max within 0…1440m")
	}
	c.network()
	c.endpoints()
	for i, g := range c.r.SecurityGroups {
		at := fmt.Sprintf("%s.security_groups[%d]", c.at, i)
		c.id(at+".id", g.ID, "sg-")
		c.vpc(at+".vpc", g.VPC)
		for j, rule := range g.Ingress {
			c.rule(fmt.Sprintf("%s.ingress[%d]", at, j), rule)
		}
		for j, rule := range g.Egress {
			c.rule(fmt.Sprintf("%s.egress[%d]", at, j), rule)
		}
	}
	for i, n := range c.r.Instances {
		c.instance(fmt.Sprintf("%s.instances[%d]", c.at, i), n)
	}
	c.databases()
	c.services()
	for i, d := range c.r.Documents {
		at := fmt.Sprintf("%s.documents[%d]", c.at, i)
		c.match(at+".name", d.Name, documentName, "a document name")
		c.once(at+".name", "document", c.at+"/"+d.Name)
		c.oneOf(at+".session_type", d.Type, "Port", "Standard_Stream", "InteractiveCommands", "NonInteractiveCommands")
		for j, p := range d.Parameters {
			if _, err := regexp.Compile(p.Pattern); err != nil {
				c.bad(fmt.Sprintf("%s.parameters[%d].pattern", at, j), "%v", err)
			}
		}
	}
}

func (c *checker) resourceID(path, id, prefix string) {
	c.idForm(path, id, prefix)
	c.once(path, "id", id)
}

func (c *checker) idForm(path, id, prefix string) {
	if rest, ok := strings.CutPrefix(id, prefix); !ok || !resourceHex.MatchString(rest) {
		c.bad(path, "%q is not %s and 8 or 17 hexadecimal digits", id, prefix)
	}
}

func (c *regionChecker) id(path, id, prefix string) { c.resourceID(path, id, prefix) }

// sharedID is id for what may belong to another account, where it is written down as well.
func (c *regionChecker) sharedID(path, id, prefix, owner string) {
	if owner == "" {
		c.id(path, id, prefix)
		return
	}
	c.idForm(path, id, prefix)
	c.once(path, "id in "+c.at, id)
}

func (c *regionChecker) vpc(path, id string) {
	if !slices.ContainsFunc(c.r.VPCs, func(v VPC) bool { return v.ID == id }) {
		c.bad(path, "no VPC %q in this region", id)
	}
}

func (c *regionChecker) subnet(path, id string) {
	if !slices.ContainsFunc(c.r.Subnets, func(s Subnet) bool { return s.ID == id }) {
		c.bad(path, "no subnet %q in this region", id)
	}
}

func (c *regionChecker) subnets(path string, ids []string) {
	for i, id := range ids {
		c.subnet(fmt.Sprintf("%s.subnets[%d]", path, i), id)
	}
}

func (c *regionChecker) groups(path string, ids []string) {
	for i, id := range ids {
		if !slices.ContainsFunc(c.r.SecurityGroups, func(g SecurityGroup) bool { return g.ID == id }) {
			c.bad(fmt.Sprintf("%s.groups[%d]", path, i), "no security group %q in this region", id)
		}
	}
}

func (c *checker) block(path, cidr string) netip.Prefix {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || p != p.Masked() {
		c.bad(path, "%q is not a CIDR block", cidr)
	}
	return p
}

func (c *regionChecker) cidr(path, cidr string) netip.Prefix { return c.block(path, cidr) }

func (c *regionChecker) ports(path string, from, to int) {
	if from < 0 || to > 65535 || from > to {
		c.bad(path, "ports %d…%d are not a range within 0…65535", from, to)
	}
}

func (c *regionChecker) rule(path string, r Rule) {
	c.oneOf(path+".protocol", r.Protocol, "tcp", "udp", "icmp", "-1")
	c.ports(path, r.From, r.To)
	named := 0
	for _, peer := range []string{r.CIDR, r.Group, r.PrefixList} {
		if peer != "" {
			named++
		}
	}
	switch {
	case named != 1:
		c.bad(path, "one of cidr, group and prefix_list is needed")
	case r.CIDR != "":
		c.cidr(path+".cidr", r.CIDR)
	case r.PrefixList != "":
		c.prefixList(path+".prefix_list", r.PrefixList)
	case !strings.HasPrefix(r.Group, "sg-"):
		c.bad(path+".group", "%q is not a security group", r.Group)
	}
}

func (c *regionChecker) prefixList(path, id string) {
	if !slices.ContainsFunc(c.r.PrefixLists, func(l PrefixList) bool { return l.ID == id }) {
		c.bad(path, "no prefix list %q in this region", id)
	}
}
