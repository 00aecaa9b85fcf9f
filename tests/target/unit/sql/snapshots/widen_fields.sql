ALTER TABLE `co-1.bronze.jobs`
  ALTER COLUMN `items` SET DATA TYPE STRUCT<`street` STRING, `unit` INT64, `price` NUMERIC>
