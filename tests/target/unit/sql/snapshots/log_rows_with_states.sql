SELECT
  _etl_r.* EXCEPT (expected_rows, touched_ms, all_touched_ms) REPLACE (
    IF(_etl_r.table_state IS NOT NULL OR IFNULL(_etl_n.table_rows = _etl_r.expected_rows AND _etl_n.modified <= _etl_r.touched_ms AND _etl_n.history_modified <= _etl_r.all_touched_ms, FALSE), _etl_r.fingerprint, NULL) AS fingerprint,
    IF(_etl_r.table_state IS NOT NULL OR IFNULL(_etl_n.table_rows = _etl_r.expected_rows AND _etl_n.modified <= _etl_r.touched_ms AND _etl_n.history_modified <= _etl_r.all_touched_ms, FALSE), IFNULL(_etl_r.table_state, _etl_n.table_state), NULL) AS table_state
  )
FROM (
  SELECT
    JSON_VALUE(_etl_r, '$[0]') AS `run_id`,
    JSON_VALUE(_etl_r, '$[1]') AS `company`,
    JSON_VALUE(_etl_r, '$[2]') AS `tenant_id`,
    JSON_VALUE(_etl_r, '$[3]') AS `stream`,
    JSON_VALUE(_etl_r, '$[4]') AS `table_name`,
    TIMESTAMP_MICROS(CAST(JSON_VALUE(_etl_r, '$[5]') AS INT64)) AS `started`,
    TIMESTAMP_MICROS(CAST(JSON_VALUE(_etl_r, '$[6]') AS INT64)) AS `ended`,
    JSON_VALUE(_etl_r, '$[7]') AS `status`,
    CAST(JSON_VALUE(_etl_r, '$[8]') AS INT64) AS `rows_read`,
    CAST(JSON_VALUE(_etl_r, '$[9]') AS INT64) AS `rows_inserted`,
    CAST(JSON_VALUE(_etl_r, '$[10]') AS INT64) AS `rows_updated`,
    CAST(JSON_VALUE(_etl_r, '$[11]') AS INT64) AS `rows_deleted`,
    CAST(JSON_VALUE(_etl_r, '$[12]') AS INT64) AS `rows_marked`,
    CAST(JSON_VALUE(_etl_r, '$[13]') AS INT64) AS `rows_restored`,
    CAST(JSON_VALUE(_etl_r, '$[14]') AS INT64) AS `rows_unchanged`,
    CAST(JSON_VALUE(_etl_r, '$[15]') AS INT64) AS `rows_rejected`,
    CAST(JSON_VALUE(_etl_r, '$[16]') AS INT64) AS `bytes_staged`,
    CAST(JSON_VALUE(_etl_r, '$[17]') AS INT64) AS `bytes_billed`,
    CAST(JSON_VALUE(_etl_r, '$[18]') AS INT64) AS `slot_ms`,
    CAST(JSON_VALUE(_etl_r, '$[19]') AS INT64) AS `source_ms`,
    CAST(JSON_VALUE(_etl_r, '$[20]') AS INT64) AS `staging_ms`,
    CAST(JSON_VALUE(_etl_r, '$[21]') AS INT64) AS `bigquery_ms`,
    CAST(JSON_VALUE(_etl_r, '$[22]') AS BOOL) AS `deletes_allowed`,
    JSON_VALUE(_etl_r, '$[23]') AS `error`,
    JSON_VALUE(_etl_r, '$[24]') AS `schema_changes`,
    JSON_VALUE(_etl_r, '$[25]') AS `fingerprint`,
    JSON_VALUE(_etl_r, '$[26]') AS `table_state`,
    JSON_VALUE(_etl_r, '$[27]') AS `software_version`,
    CAST(JSON_VALUE(_etl_r, '$[28]') AS INT64) AS `expected_rows`,
    CAST(JSON_VALUE(_etl_r, '$[29]') AS INT64) AS `touched_ms`,
    CAST(JSON_VALUE(_etl_r, '$[30]') AS INT64) AS `all_touched_ms`
  FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
) AS _etl_r
LEFT JOIN (
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
ON _etl_n.table_name = _etl_r.table_name
