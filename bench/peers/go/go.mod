module weftbench

go 1.24
