"""Client of the Comfy API v2: Comfy Cloud, serverless deployments and comfy-api-proxy."""
