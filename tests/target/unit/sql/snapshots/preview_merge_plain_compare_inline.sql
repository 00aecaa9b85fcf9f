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
      OR _etl_t.`active` IS DISTINCT FROM _etl_s.`active`
      OR _etl_t.`price` IS DISTINCT FROM _etl_s.`price`
      OR _etl_t.`rate` IS DISTINCT FROM _etl_s.`rate`
      OR _etl_t.`distance` IS DISTINCT FROM _etl_s.`distance`
      OR _etl_t.`modified_on` IS DISTINCT FROM _etl_s.`modified_on`
      OR _etl_t.`day` IS DISTINCT FROM _etl_s.`day`
      OR _etl_t.`end` IS DISTINCT FROM _etl_s.`end`
    )
  )) AS differ
FROM (SELECT `id`, `name`, `active`, `price`, `rate`, `distance`, `modified_on`, `day`, `end`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS _etl_t) AS _etl_t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      _etl_s.* EXCEPT (`_etl_sequence`)
    FROM (
      SELECT
        CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
        JSON_VALUE(_etl_r, '$[1]') AS `name`,
        CAST(JSON_VALUE(_etl_r, '$[2]') AS BOOL) AS `active`,
        CAST(JSON_VALUE(_etl_r, '$[3]') AS NUMERIC) AS `price`,
        CAST(JSON_VALUE(_etl_r, '$[4]') AS BIGNUMERIC) AS `rate`,
        CAST(JSON_VALUE(_etl_r, '$[5]') AS FLOAT64) AS `distance`,
        TIMESTAMP_MICROS(CAST(JSON_VALUE(_etl_r, '$[6]') AS INT64)) AS `modified_on`,
        CAST(JSON_VALUE(_etl_r, '$[7]') AS DATE) AS `day`,
        CAST(JSON_VALUE(_etl_r, '$[8]') AS TIME) AS `end`,
        IFNULL(JSON_VALUE(_etl_r, '$[9]') = '1', FALSE) AS `_etl_deleted`,
        _etl_position AS `_etl_sequence`
      FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
    ) AS _etl_s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
  )
) AS _etl_s
ON _etl_t.`id` = _etl_s.`id`
