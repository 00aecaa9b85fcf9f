SELECT
  COUNTIF(_etl_s.`_etl_in_run`) AS staged,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_in_run` IS NULL AND (_etl_t.`group` <= @swept_high_0 OR _etl_t.`group` > @swept_low_1 AND _etl_t.`group` <= @swept_high_1 OR _etl_t.`group` > @swept_low_2 OR _etl_t.`group` IS NOT NULL)) AS missing,
  COUNTIF(_etl_t.`_etl_operation` = 'DELETE' AND NOT _etl_s.`_etl_deleted`) AS restored,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_deleted`) AS marked,
  COUNTIF(_etl_t.`_etl_in_table` IS NULL AND _etl_s.`_etl_deleted`) AS born_deleted,
  COUNTIF(_etl_t.`_etl_in_table` AND (_etl_t.`_etl_operation` IS NULL OR _etl_t.`_etl_synced` IS NULL)) AS unlabelled,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND (_etl_t.`group` <= @swept_high_0 OR _etl_t.`group` > @swept_low_1 AND _etl_t.`group` <= @swept_high_1 OR _etl_t.`group` > @swept_low_2 OR _etl_t.`group` IS NOT NULL)) AS in_ranges
FROM (SELECT `group`, `day`, `weight`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS _etl_t) AS _etl_t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      _etl_s.`group` AS `group`,
      _etl_s.`day` AS `day`,
      _etl_s.`weight` AS `weight`,
      _etl_s.`_etl_deleted`
    FROM `co-1.staging.jobs__r1_3` AS _etl_s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`group`, _etl_s.`day`, CAST(_etl_s.`weight` + 0 AS STRING) ORDER BY _etl_s.`_etl_sequence` DESC) = 1
  )
) AS _etl_s
ON _etl_t.`group` = _etl_s.`group` AND _etl_t.`day` = _etl_s.`day` AND _etl_t.`weight` = _etl_s.`weight`
