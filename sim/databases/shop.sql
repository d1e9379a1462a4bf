-- The shop that every demo database holds, in SQL that PostgreSQL, MariaDB, MySQL and go-mysql-server read alike: no dialect
-- of dates, no automatic ids, no recursive queries. A statement ends with a semicolon at the end of a line, and only there.

CREATE TABLE digits (d INTEGER PRIMARY KEY);
INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);

CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  name VARCHAR(80) NOT NULL,
  email VARCHAR(120) NOT NULL,
  city VARCHAR(60) NOT NULL,
  country CHAR(2) NOT NULL,
  joined DATE NOT NULL
);

CREATE TABLE products (
  id INTEGER PRIMARY KEY,
  name VARCHAR(80) NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  stock INTEGER NOT NULL
);

CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL,
  product_id INTEGER NOT NULL,
  quantity INTEGER NOT NULL,
  status VARCHAR(20) NOT NULL,
  ordered DATE NOT NULL
);

INSERT INTO customers VALUES
  (1, '山田 太郎', 'taro.yamada@example.jp', '東京', 'JP', '2023-04-01'),
  (2, '佐藤 花子', 'hanako.sato@example.jp', '大阪', 'JP', '2023-04-09'),
  (3, '鈴木 一郎', 'ichiro.suzuki@example.jp', '札幌', 'JP', '2023-05-22'),
  (4, '髙橋 さくら', 'sakura@example.jp', '京都', 'JP', '2023-06-30'),
  (5, 'Ada Lovelace', 'ada@example.com', 'London', 'GB', '2023-07-14'),
  (6, 'Søren Kjær', 'soren@example.dk', 'Århus', 'DK', '2023-08-02'),
  (7, 'José Muñoz', 'jose@example.es', 'Cádiz', 'ES', '2023-09-18'),
  (8, 'Zoë O''Brien', 'zoe@example.ie', 'Galway', 'IE', '2023-10-05'),
  (9, 'Łukasz Wójcik', 'lukasz@example.pl', 'Kraków', 'PL', '2023-11-11'),
  (10, '田中 🍣 健', 'ken.tanaka@example.jp', '福岡', 'JP', '2023-12-24');

INSERT INTO customers
  SELECT 11 + a.d + 10 * b.d + 100 * c.d,
    CONCAT('Customer ', CAST(11 + a.d + 10 * b.d + 100 * c.d AS CHAR(3))),
    CONCAT('customer', CAST(11 + a.d + 10 * b.d + 100 * c.d AS CHAR(3)), '@example.com'),
    CASE b.d WHEN 0 THEN '横浜' WHEN 1 THEN 'Berlin' WHEN 2 THEN 'Lyon' WHEN 3 THEN 'Porto' ELSE 'Boston' END,
    CASE b.d WHEN 0 THEN 'JP' WHEN 1 THEN 'DE' WHEN 2 THEN 'FR' WHEN 3 THEN 'PT' ELSE 'US' END,
    CAST(CONCAT('2024-0', CAST(1 + b.d % 9 AS CHAR(1)), '-1', CAST(a.d AS CHAR(1))) AS DATE)
  FROM digits a CROSS JOIN digits b CROSS JOIN digits c WHERE c.d < 3;

INSERT INTO products VALUES
  (1, '抹茶 100 g', 24.50, 120),
  (2, '煎茶 200 g', 18.00, 340),
  (3, 'Earl Grey 100 g', 9.90, 800),
  (4, 'Darjeeling First Flush 50 g', 21.00, 60),
  (5, 'Porcelain teapot', 64.00, 25),
  (6, 'Bamboo whisk', 15.75, 90),
  (7, 'Café crème cups, pair', 28.40, 44),
  (8, '羊羹', 12.00, 210);

INSERT INTO orders
  SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d,
    1 + (a.d * 31 + b.d * 7 + c.d * 13 + e.d * 3) % 310,
    1 + (a.d + b.d * 3 + c.d * 5) % 8,
    1 + (a.d * b.d + c.d) % 5,
    CASE (a.d + b.d + c.d) % 4 WHEN 0 THEN 'new' WHEN 1 THEN 'paid' WHEN 2 THEN 'shipped' ELSE 'delivered' END,
    CAST(CONCAT('2025-0', CAST(1 + (b.d + e.d) % 9 AS CHAR(1)), '-', CAST(c.d % 3 AS CHAR(1)), CAST(1 + a.d % 8 AS CHAR(1))) AS DATE)
  FROM digits a CROSS JOIN digits b CROSS JOIN digits c CROSS JOIN digits e WHERE e.d < 4;

DROP TABLE digits;
