# The same resources, names, roles and variables as deploy/deploy.sh: use one of the two. The job and the alerts are the
# files of deploy/, so both ways send the same.

terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.36"
    }
  }
}

provider "google" {
  project = var.settings.PROJECT_ID
  region  = var.settings.REGION
}

locals {
  project = var.settings.PROJECT_ID
  region  = var.settings.REGION
  apis = [
    "artifactregistry", "bigquery", "cloudbuild", "cloudscheduler", "iam", "iamcredentials", "logging", "monitoring",
    "run", "secretmanager", "storage",
  ]
  # What deploy.sh puts into the placeholders of its files.
  names = merge({ for name, value in var.settings : name => tostring(value) }, {
    ENVIRONMENT   = var.environment
    IMAGE         = var.image
    JOB           = "etl"
    METRIC        = "etl_company_done"
    RUNNER        = google_service_account.account["etl-runner"].email
    CHANNEL       = google_monitoring_notification_channel.on_call.id
    STALE_SECONDS = tostring(var.settings.STALE_HOURS * 3600)
    # Cloud Monitoring replaces these itself.
    log    = { extracted_label = { for name in ["company", "trouble", "reason", "job"] : name => "$${log.extracted_label.${name}}" } }
    metric = { label = { company = "$${metric.label.company}" } }
  })
  has_group = var.settings.GROUP_PROJECT != "none"
  # What runs, when, on how many tasks, and how often a task is tried again. What the checks find, a second try would
  # find again: their alert does not wait for one.
  runs = merge(
    {
      etl        = { args = ["run"], schedule = var.settings.SCHEDULE, tasks = var.settings.TASKS, retries = var.settings.TASK_RETRIES }
      etl-verify = { args = ["verify"], schedule = var.settings.VERIFY_SCHEDULE, tasks = var.settings.TASKS, retries = 0 }
    },
    { for name in local.has_group ? ["etl-group-views"] : [] : name => {
      args     = ["group-views", "--project=${var.settings.GROUP_PROJECT}", "--dataset=${var.settings.GROUP_DATASET}"]
      schedule = var.settings.GROUP_SCHEDULE
      tasks    = 1
      retries  = 0
    } },
  )
  jobs = {
    for name, run in local.runs : name => yamldecode(templatefile("${path.module}/../job.yaml", merge(local.names, {
      JOB_NAME    = name
      JOB_ARGS    = jsonencode(run.args)
      JOB_TASKS   = tostring(run.tasks)
      JOB_RETRIES = tostring(run.retries)
    }))).spec.template.spec
  }
  metric = jsondecode(templatefile("${path.module}/../alerts/metric.json", local.names))
  alerts = {
    for name in ["execution_failed", "company_failed", "company_stale", "check_failed"] :
    name => jsondecode(templatefile("${path.module}/../alerts/${name}.json", local.names))
  }
}

resource "google_project_service" "api" {
  for_each           = toset(local.apis)
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

resource "google_service_account" "account" {
  for_each = {
    etl-runner    = "Runs the companies"
    etl-scheduler = "Starts the job"
    etl-builder   = "Builds the image"
  }
  account_id   = each.key
  display_name = each.value
  depends_on   = [google_project_service.api]
}

# --- Buckets, images ---

resource "google_storage_bucket" "state" {
  name                        = var.settings.STATE_BUCKET
  location                    = local.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  versioning {
    enabled = true
  }
  dynamic "lifecycle_rule" {
    for_each = jsondecode(file("${path.module}/../bucket_lifecycle.json")).rule
    content {
      action {
        type = lifecycle_rule.value.action.type
      }
      condition {
        age                        = lookup(lifecycle_rule.value.condition, "age", null)
        days_since_noncurrent_time = lookup(lifecycle_rule.value.condition, "daysSinceNoncurrentTime", null)
        num_newer_versions         = lookup(lifecycle_rule.value.condition, "numNewerVersions", null)
        matches_prefix             = lookup(lifecycle_rule.value.condition, "matchesPrefix", null)
      }
    }
  }
}

resource "google_storage_bucket" "build" {
  name                        = var.settings.BUILD_BUCKET
  location                    = local.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  dynamic "lifecycle_rule" {
    for_each = jsondecode(file("${path.module}/../build_lifecycle.json")).rule
    content {
      action {
        type = lifecycle_rule.value.action.type
      }
      condition {
        age = lifecycle_rule.value.condition.age
      }
    }
  }
}

resource "google_artifact_registry_repository" "images" {
  repository_id = "etl"
  location      = local.region
  format        = "DOCKER"
  docker_config {
    immutable_tags = true
  }
  depends_on = [google_project_service.api]
}

resource "google_storage_bucket_iam_member" "runner_state" {
  bucket = google_storage_bucket.state.name
  role   = "roles/storage.objectAdmin"
  member = google_service_account.account["etl-runner"].member
}

resource "google_storage_bucket_iam_member" "builder_source" {
  bucket = google_storage_bucket.build.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.account["etl-builder"].member
}

resource "google_artifact_registry_repository_iam_member" "builder_images" {
  repository = google_artifact_registry_repository.images.name
  location   = local.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.account["etl-builder"].member
}

resource "google_project_iam_member" "builder_logs" {
  project = local.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.account["etl-builder"].member
}

# --- The registry ---

resource "google_bigquery_dataset" "settings" {
  dataset_id  = "settings"
  location    = var.settings.BIGQUERY_LOCATION
  description = "Settings of the fleet"
  depends_on  = [google_project_service.api]
}

resource "google_bigquery_table" "companies" {
  dataset_id          = google_bigquery_dataset.settings.dataset_id
  table_id            = "companies"
  description         = "The companies of the fleet, one row per company"
  deletion_protection = true
  schema              = file("${path.module}/companies.json")
  table_constraints {
    primary_key {
      columns = ["company_id"]
    }
  }
}

resource "google_bigquery_dataset_access" "runner_settings" {
  dataset_id    = google_bigquery_dataset.settings.dataset_id
  role          = "READER"
  user_by_email = google_service_account.account["etl-runner"].email
}

# --- The jobs and their schedules ---

resource "google_cloud_run_v2_job" "job" {
  for_each            = local.jobs
  name                = each.key
  location            = local.region
  deletion_protection = false
  template {
    task_count  = each.value.taskCount
    parallelism = each.value.parallelism
    template {
      service_account = each.value.template.spec.serviceAccountName
      max_retries     = each.value.template.spec.maxRetries
      timeout         = "${each.value.template.spec.timeoutSeconds}s"
      containers {
        image = each.value.template.spec.containers[0].image
        args  = each.value.template.spec.containers[0].args
        dynamic "env" {
          for_each = each.value.template.spec.containers[0].env
          content {
            name  = env.value.name
            value = env.value.value
          }
        }
        resources {
          limits = each.value.template.spec.containers[0].resources.limits
        }
      }
    }
  }
  depends_on = [google_project_service.api]
}

resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  for_each = local.jobs
  name     = google_cloud_run_v2_job.job[each.key].name
  location = local.region
  role     = "roles/run.invoker"
  member   = google_service_account.account["etl-scheduler"].member
}

resource "google_cloud_scheduler_job" "job" {
  for_each  = local.runs
  name      = each.key
  region    = local.region
  schedule  = each.value.schedule
  time_zone = var.settings.TIME_ZONE
  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${local.project}/locations/${local.region}/jobs/${each.key}:run"
    oauth_token {
      service_account_email = google_service_account.account["etl-scheduler"].email
    }
  }
  depends_on = [google_cloud_run_v2_job_iam_member.scheduler]
}

# Lets the job run queries in the group's project, and makes it the owner of the dataset that it creates, and of no other.
resource "google_project_iam_member" "runner_group" {
  for_each = toset(local.has_group ? [var.settings.GROUP_PROJECT] : [])
  project  = each.value
  role     = "roles/bigquery.user"
  member   = google_service_account.account["etl-runner"].member
}

# --- Alerts ---

resource "google_logging_metric" "company_done" {
  name        = local.metric.name
  description = local.metric.description
  filter      = local.metric.filter
  metric_descriptor {
    metric_kind = local.metric.metricDescriptor.metricKind
    value_type  = local.metric.metricDescriptor.valueType
    unit        = local.metric.metricDescriptor.unit
    dynamic "labels" {
      for_each = local.metric.metricDescriptor.labels
      content {
        key         = labels.value.key
        value_type  = labels.value.valueType
        description = labels.value.description
      }
    }
  }
  label_extractors = local.metric.labelExtractors
}

resource "google_monitoring_notification_channel" "on_call" {
  type         = "email"
  display_name = "etl on call"
  labels       = { email_address = var.settings.ALERT_EMAIL }
}

resource "google_monitoring_alert_policy" "alert" {
  for_each              = local.alerts
  display_name          = each.value.displayName
  combiner              = each.value.combiner
  severity              = each.value.severity
  notification_channels = each.value.notificationChannels
  conditions {
    display_name = each.value.conditions[0].displayName
    dynamic "condition_matched_log" {
      for_each = [for condition in each.value.conditions : condition.conditionMatchedLog if can(condition.conditionMatchedLog)]
      content {
        filter           = condition_matched_log.value.filter
        label_extractors = condition_matched_log.value.labelExtractors
      }
    }
    dynamic "condition_threshold" {
      for_each = [for condition in each.value.conditions : condition.conditionThreshold if can(condition.conditionThreshold)]
      content {
        filter                  = condition_threshold.value.filter
        comparison              = condition_threshold.value.comparison
        threshold_value         = condition_threshold.value.thresholdValue
        duration                = condition_threshold.value.duration
        evaluation_missing_data = condition_threshold.value.evaluationMissingData
        aggregations {
          alignment_period     = condition_threshold.value.aggregations[0].alignmentPeriod
          per_series_aligner   = condition_threshold.value.aggregations[0].perSeriesAligner
          cross_series_reducer = condition_threshold.value.aggregations[0].crossSeriesReducer
          group_by_fields      = condition_threshold.value.aggregations[0].groupByFields
        }
        trigger {
          count = condition_threshold.value.trigger.count
        }
      }
    }
  }
  alert_strategy {
    auto_close = each.value.alertStrategy.autoClose
    dynamic "notification_rate_limit" {
      for_each = can(each.value.alertStrategy.notificationRateLimit) ? [each.value.alertStrategy.notificationRateLimit] : []
      content {
        period = notification_rate_limit.value.period
      }
    }
  }
  documentation {
    mime_type = each.value.documentation.mimeType
    subject   = try(each.value.documentation.subject, null)
    content   = each.value.documentation.content
  }
  depends_on = [google_logging_metric.company_done]
}
