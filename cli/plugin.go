package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/profiles"
)

// The names that other programs know rdsx by.
const (
	aliasName   = "rdsx"
	aliasValue  = "!rdsx" // the exclamation mark makes it a program instead of an aws command
	kubectlName = "kubectl-rdsx"
)

const pluginLong = `plugin makes rdsx a command of other programs:

  aws      an alias in ~/.aws/cli/alias, so that aws rdsx … runs rdsx …
  kubectl  a link kubectl-rdsx beside the program, so that kubectl rdsx … runs rdsx …

Options that aws knows itself (--profile, --region, --endpoint-url, --debug) it keeps to itself: set AWS_PROFILE and the like instead.`

func (a *app) newPlugin() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "plugin",
		Short:   "Make rdsx a command of aws and of kubectl",
		Long:    pluginLong,
		Example: "  rdsx plugin install aws\n  aws rdsx ls\n  rdsx plugin status",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.newPluginInstall(true), a.newPluginInstall(false), a.newPluginStatus(), a.newPluginUndo())
	return cmd
}

// pluginFlags are those of install and uninstall.
type pluginFlags struct {
	writeFlags
	dir string
}

func (a *app) newPluginInstall(install bool) *cobra.Command {
	var flags pluginFlags
	use, short, force := "install aws|kubectl", "Add the command", "replace an alias or a file that rdsx has not made"
	if !install {
		use, short, force = "uninstall aws|kubectl", "Take the command away", "remove an alias or a file that rdsx has not made"
	}
	name, _, _ := strings.Cut(use, " ")
	cmd := &cobra.Command{
		Use:       use,
		Short:     short,
		ValidArgs: []string{"aws", "kubectl"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] != "aws" && args[0] != "kubectl" {
				return usage("rdsx plugin "+name+" aws", "%s needs one of aws and kubectl", name)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "kubectl" {
				return a.pluginKubectl(install, flags)
			}
			return a.pluginAWS(cmd.Context(), install, flags.writeFlags)
		},
	}
	flags.register(cmd, force)
	cmd.Flags().StringVar(&flags.dir, "dir", "", "folder on PATH for kubectl's link (default: that of the program)")
	return cmd
}

// aliasFiles is where the AWS CLI reads its aliases: below the home folder, whatever AWS_CONFIG_FILE says.
func (a *app) aliasFiles() profiles.Files {
	home := a.getenv("HOME")
	if home == "" || runtime.GOOS == "windows" && a.getenv("USERPROFILE") != "" {
		home = a.getenv("USERPROFILE")
	}
	if home == "" { // as the SDK and the AWS CLI: the user's entry on this machine
		home = filepath.Dir(filepath.Dir(config.DefaultSharedConfigFilename()))
	}
	return profiles.Files{Config: filepath.Join(home, ".aws", "cli", "alias"), Spare: a.profileFiles().Spare}
}

func (a *app) pluginAWS(ctx context.Context, install bool, flags writeFlags) error {
	files := a.aliasFiles()
	value, done, verb := aliasValue, "aws rdsx runs rdsx: the alias is", "install"
	if !install {
		value, done, verb = "", "aws rdsx is no more: the alias was", "uninstall"
	}
	err := a.write(ctx, change{
		flags: flags, files: &files, undo: "rdsx plugin undo", done: done, command: "rdsx plugin " + verb + " aws",
		plan: func(f *profiles.File, foreign bool) (*profiles.Plan, error) {
			was := aliasValue
			if foreign {
				was = f.Alias(aliasName)
			}
			return f.PlanAlias(aliasName, value, was)
		},
	})
	if err == nil && install && !flags.dryRun && a.onPath("rdsx") == "" {
		fmt.Fprintln(a.Stderr, "warning: rdsx is not on PATH, where the alias looks for it")
	}
	return err
}

// onPath finds a program as a shell with our environment would, or "".
func (a *app) onPath(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	for _, dir := range filepath.SplitList(a.getenv("PATH")) {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if dir != "" && err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode().Perm()&0o111 != 0) {
			return path
		}
	}
	return ""
}

// linkPlace is where kubectl's link goes, and what it leads to: the program as it is called, a link of a package manager's
// included, because that stays when a new version comes.
func (a *app) linkPlace(dir string) (link, program string, err error) {
	program, err = os.Executable()
	if err != nil {
		return "", "", fmt.Errorf("find the program itself: %w", err)
	}
	if found := a.onPath("rdsx"); found != "" && sameFile(found, program) {
		program = found
	}
	if dir == "" {
		dir = filepath.Dir(program)
	}
	name := kubectlName
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	link, err = filepath.Abs(filepath.Join(dir, name))
	return link, program, err
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// isItself says whether a file is the one that the program is run from, under no other name: kubectl's package manager puts it
// there as kubectl-rdsx.
func isItself(link, program string, info fs.FileInfo) bool {
	return info.Mode().IsRegular() && filepath.Clean(link) == filepath.Clean(program)
}

// linked is the JSON of the kubectl plugin. Fields are only ever added.
type linked struct {
	Changed bool   `json:"changed"`
	DryRun  bool   `json:"dry_run,omitempty"`
	Link    string `json:"link"`
	Program string `json:"program"`
}

func (a *app) pluginKubectl(install bool, flags pluginFlags) error {
	link, program, err := a.linkPlace(flags.dir)
	if err != nil {
		return err
	}
	info, missing := os.Lstat(link)
	if missing != nil && !errors.Is(missing, fs.ErrNotExist) {
		return fmt.Errorf("look at %s: %w", link, missing)
	}
	there := missing == nil
	ours := there && sameFile(link, program) || there && info.Mode()&fs.ModeSymlink != 0 && leadsToRdsx(link)
	out := linked{DryRun: flags.dryRun, Link: link, Program: program}
	asWanted := !there
	if install {
		asWanted = ours && sameFile(link, program)
	}
	out.Changed = !flags.dryRun && !asWanted
	switch {
	case there && !install && isItself(link, program, info):
		return usage("", "%s is the program itself, not a link to it: remove it as you installed it", link)
	case there && !ours && !flags.force:
		return usage("add --force to replace or remove it all the same", "%s is there, and is not a link to rdsx", link)
	case !out.Changed:
	case install:
		err = linkTo(program, link)
	default:
		err = os.Remove(link)
	}
	if err != nil {
		return aws.Advise(fmt.Errorf("write %s: %w", link, err), nil, "rdsx plugin install kubectl --dir FOLDER, one on PATH that you may write to")
	}
	return a.printLinked(out, install)
}

// leadsToRdsx says whether a link's target is called rdsx, wherever that is or was.
func leadsToRdsx(link string) bool {
	to, err := os.Readlink(link)
	return err == nil && strings.TrimSuffix(filepath.Base(to), ".exe") == "rdsx"
}

// linkTo puts a link in place as a whole. Where symbolic links are a privilege (Windows), it is a hard one.
func linkTo(program, link string) error {
	to := program
	if filepath.Dir(program) == filepath.Dir(link) {
		to = filepath.Base(program) // so that the folder can move
	}
	temp := link + ".rdsx-tmp"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.Symlink(to, temp)
	if err != nil {
		if hard := os.Link(program, temp); hard != nil {
			return errors.Join(err, hard)
		}
	}
	if err := os.Rename(temp, link); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}

func (a *app) printLinked(l linked, install bool) error {
	if a.flags.json {
		return a.printJSON(l)
	}
	text := map[bool]string{true: "kubectl rdsx runs rdsx: %s\n", false: "kubectl rdsx is no more: %s was removed\n"}[install]
	switch {
	case l.DryRun && install:
		text = "would link %s\n"
	case l.DryRun:
		text = "would remove %s\n"
	case !l.Changed && !install:
		text = "nothing to remove: %s is not there\n"
	}
	_, err := fmt.Fprintf(a.Stdout, text, l.Link)
	if err == nil && install && !l.DryRun && a.onPath(kubectlName) == "" {
		fmt.Fprintf(a.Stderr, "warning: %s is not on PATH, where kubectl looks for plugins\n", filepath.Dir(l.Link))
	}
	return err
}

func (a *app) newPluginUndo() *cobra.Command {
	var flags writeFlags
	cmd := &cobra.Command{
		Use:   "undo",
		Short: "Take back the last change of the alias file; again, to take that back",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			files := a.aliasFiles()
			return a.write(cmd.Context(), change{
				flags: flags, files: &files, undo: "rdsx plugin undo", command: "rdsx plugin undo",
				plan: func(f *profiles.File, _ bool) (*profiles.Plan, error) { return f.PlanUndo() },
				done: "the last change is taken back",
			})
		},
	}
	flags.register(cmd, "also take back what another program has written since")
	return cmd
}
