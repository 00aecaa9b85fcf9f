SELECT
  COUNTIF(_etl_s.`_etl_in_run`) AS staged,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_in_run` IS NULL) AS missing,
  COUNTIF(_etl_t.`_etl_operation` = 'DELETE' AND NOT _etl_s.`_etl_deleted`) AS restored,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_deleted`) AS marked,
  COUNTIF(_etl_t.`_etl_in_table` IS NULL AND _etl_s.`_etl_deleted`) AS born_deleted,
  COUNTIF(_etl_t.`_etl_in_table` AND (_etl_t.`_etl_operation` IS NULL OR _etl_t.`_etl_synced` IS NULL)) AS unlabelled,
  COUNTIF(_etl_s.`_etl_in_run` AND (
    _etl_t.`_etl_in_table` IS NULL OR _etl_s.`_etl_deleted` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' OR NOT _etl_s.`_etl_deleted` AND (
      _etl_t.`_etl_operation` = 'DELETE'
      OR _etl_t.`name` IS DISTINCT FROM _etl_s.`name`
    )
  )) AS differ
FROM (SELECT `day`, `group`, `weight`, `name`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS _etl_t) AS _etl_t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      _etl_s.* EXCEPT (`_etl_sequence`)
    FROM (
      SELECT
        CAST(JSON_VALUE(_etl_r, '$[0]') AS DATE) AS `day`,
        JSON_VALUE(_etl_r, '$[1]') AS `group`,
        CAST(JSON_VALUE(_etl_r, '$[2]') AS FLOAT64) AS `weight`,
        JSON_VALUE(_etl_r, '$[3]') AS `name`,
        IFNULL(JSON_VALUE(_etl_r, '$[4]') = '1', FALSE) AS `_etl_deleted`,
        _etl_position AS `_etl_sequence`
      FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
    ) AS _etl_s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`group`, _etl_s.`day`, CAST(_etl_s.`weight` + 0 AS STRING) ORDER BY _etl_s.`_etl_sequence` DESC) = 1
  )
) AS _etl_s
ON _etl_t.`group` = _etl_s.`group` AND _etl_t.`day` = _etl_s.`day` AND _etl_t.`weight` = _etl_s.`weight`
