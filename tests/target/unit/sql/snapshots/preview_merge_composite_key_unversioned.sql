SELECT
  *,
  (
    SELECT COUNT(*)
    FROM `co-1.bronze.jobs` AS _etl_row
    LEFT JOIN `co-1.bronze.jobs_history` AS _etl_version
    ON _etl_row.`group` = _etl_version.`group` AND _etl_row.`day` = _etl_version.`day` AND _etl_row.`weight` = _etl_version.`weight` AND _etl_version.`_valid_to` IS NULL
    WHERE _etl_version.`_valid_from` IS DISTINCT FROM _etl_row.`_etl_synced` AND (_etl_row.`day` IS NULL OR _etl_row.`day` IS NOT NULL)
  ) AS unversioned
FROM (
  SELECT
    COUNTIF(s.`_etl_in_run`) AS staged,
    COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
    COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_in_run` IS NULL) AS missing,
    COUNTIF(t.`_etl_operation` = 'DELETE' AND NOT s.`_etl_deleted`) AS restored,
    COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_deleted`) AS marked,
    COUNTIF(t.`_etl_in_table` IS NULL AND s.`_etl_deleted`) AS born_deleted,
    COUNTIF(t.`_etl_in_table` AND (t.`_etl_operation` IS NULL OR t.`_etl_synced` IS NULL)) AS unlabelled
  FROM (SELECT `group`, `day`, `weight`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
    FROM `co-1.bronze.jobs` AS t WHERE (t.`day` IS NULL OR t.`day` IS NOT NULL)) AS t
  FULL JOIN (
    SELECT *, TRUE AS `_etl_in_run` FROM (
      SELECT
        s.`group` AS `group`,
        s.`day` AS `day`,
        s.`weight` AS `weight`,
        s.`_etl_deleted`
      FROM `co-1.staging.jobs__r1_3` AS s
      WHERE TRUE
      QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`group`, s.`day`, CAST(s.`weight` + 0 AS STRING) ORDER BY s.`_etl_sequence` DESC) = 1
    )
  ) AS s
  ON t.`group` = s.`group` AND t.`day` = s.`day` AND t.`weight` = s.`weight`
)
