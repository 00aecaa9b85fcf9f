# The settings of deploy/environments/<environment>.env, by the same names in lower case. No secret belongs here.

variable "environment" {
  description = "dev, qua or pro"
  type        = string
  validation {
    condition     = contains(["dev", "qua", "pro"], var.environment)
    error_message = "environment must be dev, qua or pro."
  }
}

variable "image" {
  description = "Image that the job runs, with its digest or tag: build it as deploy.sh does, see docs/how-to/deploy.md"
  type        = string
}

variable "settings" {
  description = "The settings of deploy/environments, by their names there"
  type = object({
    PROJECT_ID              = string
    REGION                  = string
    BIGQUERY_LOCATION       = string
    STATE_BUCKET            = string
    BUILD_BUCKET            = string
    ALERT_EMAIL             = string
    TASKS                   = number
    COMPANIES_AT_A_TIME     = number
    CPU                     = string
    MEMORY                  = string
    COMPANY_TIMEOUT_MINUTES = number
    TASK_TIMEOUT_SECONDS    = number
    TASK_RETRIES            = number
    SCHEDULE                = string
    TIME_ZONE               = string
    STALE_HOURS             = number
    VERIFY_SCHEDULE         = string
    GROUP_PROJECT           = optional(string, "none")
    GROUP_DATASET           = optional(string, "servicetitan")
    GROUP_SCHEDULE          = optional(string, "30 4 * * *")
    NOTIFY                  = optional(string, "[]")
    RUNBOOK_URL             = optional(string, "docs/how-to/runbook.md")
  })
}

variable "companies" {
  description = "Projects of the companies in the registry, by company id: location of the datasets, references to the secrets, and the account that loads the data if it is one of the company's own"
  type = map(object({
    project_id = string
    location   = optional(string, "US")
    secrets    = list(string)
    account    = optional(string, "")
  }))
  default = {}
}
