package api

import "maps"

// addSetUp adds the operations that set an account up and take it down again: no tunnel needs them.
func addSetUp(services map[string]*service) {
	maps.Copy(services["ec2"].operations, ec2Writes())
	maps.Copy(services["ssm"].operations, ssmWrites())
	services["iam"] = iamService()
	services["cloudformation"] = cloudFormationService()
}
