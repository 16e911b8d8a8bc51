"""AWS: read through boto3, or from what the AWS command line exports."""
