# Access to the companies' projects: deploy.sh finds them in the registry, here they are in the variable `companies`.

locals {
  # Each company's loader: its own account, or the runner.
  loaders = {
    for id, company in var.companies :
    id => company.account == "" ? google_service_account.account["etl-runner"].email : company.account
  }
  accounts = { for id, company in var.companies : id => company if company.account != "" }
  datasets = merge([
    for id, company in var.companies : {
      for name in ["bronze", "staging", "management"] : "${id}/${name}" => {
        company = id, project = company.project_id, location = company.location, name = name
      }
    }
  ]...)
  # References of the companies and of the channels for alerts.
  references = toset(concat(
    flatten([for company in var.companies : company.secrets]),
    regexall("secret://[^\"]+", var.settings.NOTIFY),
  ))
  secrets = {
    for reference in local.references :
    join("/", slice(split("/", trimprefix(reference, "secret://")), 0, 4)) => split("/", trimprefix(reference, "secret://"))...
  }
}

resource "google_service_account" "loader" {
  for_each     = local.accounts
  project      = each.value.project_id
  account_id   = split("@", each.value.account)[0]
  display_name = "Loads this company's data"
}

resource "google_service_account_iam_member" "runner_acts_as_loader" {
  for_each           = local.accounts
  service_account_id = google_service_account.loader[each.key].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.account["etl-runner"].member
}

resource "google_project_iam_member" "loader_jobs" {
  for_each   = var.companies
  project    = each.value.project_id
  role       = "roles/bigquery.jobUser"
  member     = "serviceAccount:${local.loaders[each.key]}"
  depends_on = [google_service_account.loader]
}

resource "google_bigquery_dataset" "company" {
  for_each   = local.datasets
  project    = each.value.project
  dataset_id = each.value.name
  location   = each.value.location
  lifecycle {
    # The target sets labels and the lifetime of staging tables.
    ignore_changes = [labels, default_table_expiration_ms, max_time_travel_hours]
  }
}

# One entry of the access list. Of the provider's versions, some let a dataset's `_iam_member` take away what lets the
# views of a group read it. The older names of the roles are those that BigQuery answers with.
resource "google_bigquery_dataset_access" "loader_data" {
  for_each      = local.datasets
  project       = each.value.project
  dataset_id    = google_bigquery_dataset.company[each.key].dataset_id
  role          = "WRITER"
  user_by_email = local.loaders[each.value.company]
  depends_on    = [google_service_account.loader]
}

# For the views over all companies, as deploy/sql/company_group.sql says it.
resource "google_bigquery_dataset_access" "group_reads" {
  for_each      = local.has_group ? var.companies : {}
  project       = each.value.project_id
  dataset_id    = google_bigquery_dataset.company["${each.key}/bronze"].dataset_id
  role          = "READER"
  user_by_email = google_service_account.account["etl-runner"].email
}

resource "google_bigquery_dataset_access" "group_authorizes" {
  for_each      = local.has_group ? var.companies : {}
  project       = each.value.project_id
  dataset_id    = google_bigquery_dataset.company["${each.key}/bronze"].dataset_id
  role          = "OWNER"
  user_by_email = local.loaders[each.key]
  depends_on    = [google_service_account.loader]
}

resource "google_secret_manager_secret_iam_member" "runner" {
  for_each  = local.secrets
  project   = each.value[0][1]
  secret_id = each.value[0][3]
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.account["etl-runner"].member
}
