SELECT
  _etl_n.table_name,
  _etl_n.table_state,
  _etl_l.fingerprint
FROM (
  SELECT
    CONCAT(_etl_t.project_id, '.', _etl_t.dataset_id, '.', _etl_t.table_id) AS table_name,
    CONCAT(FORMAT('%d/%d/%d', _etl_t.last_modified_time, _etl_t.row_count, _etl_t.size_bytes), IFNULL(CONCAT(' ', FORMAT('%d/%d/%d', _etl_h.last_modified_time, _etl_h.row_count, _etl_h.size_bytes)), '')) AS table_state,
    _etl_t.last_modified_time AS modified,
    IFNULL(_etl_h.last_modified_time, 0) AS history_modified,
    _etl_t.row_count AS table_rows
  FROM `co-1.bronze.__TABLES__` AS _etl_t
  LEFT JOIN `co-1.bronze.__TABLES__` AS _etl_h
  ON _etl_h.table_id = CONCAT(_etl_t.table_id, '_history')
) AS _etl_n
LEFT JOIN (
  SELECT `run_id`, `company`, `tenant_id`, `stream`, `table_name`, `started`, `ended`, `status`, `rows_read`, `rows_inserted`, `rows_updated`, `rows_deleted`, `rows_marked`, `rows_restored`, `rows_unchanged`, `rows_rejected`, `bytes_staged`, `bytes_billed`, `slot_ms`, `source_ms`, `staging_ms`, `bigquery_ms`, `deletes_allowed`, `error`, `schema_changes`, `fingerprint`, `table_state`, `software_version`
  FROM `co-1.management.etl_logs`
  WHERE started >= @since AND NOT STARTS_WITH(IFNULL(status, ''), 'dry_run')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY started DESC) = 1
) AS _etl_l
ON _etl_l.table_name = _etl_n.table_name AND _etl_l.table_state = _etl_n.table_state
