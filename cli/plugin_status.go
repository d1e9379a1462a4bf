package cli

import (
	"context"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/profiles"
)

// pluginState is one line of rdsx plugin status, and its JSON. Fields are only ever added.
type pluginState struct {
	Plugin    string `json:"plugin"`
	Installed bool   `json:"installed"`
	Where     string `json:"where"`             // the alias file, or the link
	Program   string `json:"program,omitempty"` // the aws or kubectl on PATH, "" for none
	Note      string `json:"note,omitempty"`
}

func (a *app) newPluginStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say which programs have rdsx as a command",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.pluginStatus(cmd.Context()) },
	}
}

func (a *app) pluginStatus(ctx context.Context) error {
	files := a.aliasFiles()
	f, err := profiles.Open(ctx, files)
	if err != nil {
		return err
	}
	value := f.Alias(aliasName)
	forAWS := pluginState{Plugin: "aws", Installed: value == aliasValue, Where: files.Config, Program: a.onPath("aws")}
	switch {
	case value != "" && !forAWS.Installed:
		forAWS.Note = "the alias is another: " + value
	case forAWS.Installed && a.onPath("rdsx") == "":
		forAWS.Note = "rdsx is not on PATH, where the alias looks for it"
	}
	link, program, err := a.linkPlace("")
	if err != nil {
		return err
	}
	forKubectl := pluginState{Plugin: "kubectl", Where: link, Program: a.onPath("kubectl")}
	found := a.onPath(kubectlName)
	switch {
	case found != "" && sameFile(found, program):
		forKubectl.Installed, forKubectl.Where = true, found
	case found != "":
		forKubectl.Note = found + " is another program"
	case sameFile(link, program):
		forKubectl.Note = "the folder of the link is not on PATH, where kubectl looks for plugins"
	}
	all := []pluginState{forAWS, forKubectl}
	if a.flags.json {
		return a.printJSON(all)
	}
	rows := [][]string{{"PLUGIN", "INSTALLED", "WHERE", "PROGRAM", "NOTE"}}
	for _, s := range all {
		installed := "no"
		if s.Installed {
			installed = "yes"
		}
		rows = append(rows, []string{s.Plugin, installed, s.Where, orDash(s.Program), printable(s.Note)})
	}
	return printTable(a.Stdout, rows)
}

// calledAs is the command as the user typed it: kubectl runs a plugin by the name of its file.
func (a *app) calledAs() string {
	if a.Name == kubectlName {
		return "kubectl rdsx"
	}
	return "rdsx"
}

var exampleLine = regexp.MustCompile(`(?m)^(\s*)rdsx\b`)

// renameExamples has the examples of all commands begin as the user has called the program.
func (a *app) renameExamples(cmd *cobra.Command) {
	cmd.Example = exampleLine.ReplaceAllString(cmd.Example, "${1}"+a.calledAs())
	for _, sub := range cmd.Commands() {
		a.renameExamples(sub)
	}
}
