select l_returnflag, l_linestatus,
       sum(l_quantity) as quantity,
       sum(l_extendedprice) as base_price,
       sum(l_extendedprice * (1 - l_discount)) as discounted,
       sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as charged,
       round(avg(l_quantity), 2) as mean_quantity,
       round(avg(l_discount), 2) as mean_discount,
       count(*) as items
from lineitem
where l_shipdate <= date '1998-09-02'
group by l_returnflag, l_linestatus
order by l_returnflag, l_linestatus
