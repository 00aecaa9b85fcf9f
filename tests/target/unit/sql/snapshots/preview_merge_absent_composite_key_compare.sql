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
      OR _etl_s.`day` IS NOT NULL AND _etl_t.`day` IS DISTINCT FROM _etl_s.`day`.value
      OR _etl_s.`name` IS NOT NULL AND _etl_t.`name` IS DISTINCT FROM _etl_s.`name`.value
    )
  )) AS differ
FROM (SELECT `day`, `group`, `weight`, `name`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS _etl_t) AS _etl_t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 1, 1) = '1', NULL, STRUCT(_etl_s.`day` AS value)) IGNORE NULLS) OVER _etl_latest AS `day`,
      _etl_s.`group` AS `group`,
      _etl_s.`weight` AS `weight`,
      FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 4, 1) = '1', NULL, STRUCT(_etl_s.`name` AS value)) IGNORE NULLS) OVER _etl_latest AS `name`,
      _etl_s.`_etl_deleted`
    FROM `co-1.staging.jobs__r1_3` AS _etl_s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`group`, CAST(_etl_s.`weight` + 0 AS STRING) ORDER BY _etl_s.`_etl_sequence` DESC) = 1
    WINDOW _etl_latest AS (PARTITION BY _etl_s.`group`, CAST(_etl_s.`weight` + 0 AS STRING) ORDER BY _etl_s.`_etl_sequence` DESC ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
  )
) AS _etl_s
ON _etl_t.`group` = _etl_s.`group` AND _etl_t.`weight` = _etl_s.`weight`
