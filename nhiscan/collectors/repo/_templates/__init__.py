"""Reading templates of clouds: CloudFormation, SAM, Serverless, Bicep and ARM."""
