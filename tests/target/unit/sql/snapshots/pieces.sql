SELECT MIN(value) AS first, MAX(value) AS last
FROM (SELECT `day` AS value, DENSE_RANK() OVER (ORDER BY TIMESTAMP_TRUNC(TIMESTAMP(`day`), DAY)) AS position
  FROM `co-1.staging.jobs__r1_3` WHERE `day` IS NOT NULL)
GROUP BY FLOOR((position - 1) / @most)
ORDER BY first
