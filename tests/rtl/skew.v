// A delay line: what comes in leaves DELAY moves of the array later; DELAY = 0 is a wire. It stands still while
// `advance` is low, as everything else in an array does.
module skew #(
    parameter DELAY = 1,
    parameter WIDTH = 8
) (
    input wire clock,
    input wire reset,
    input wire advance,
    input wire [WIDTH-1:0] enters,
    output wire [WIDTH-1:0] leaves
);
    wire [WIDTH-1:0] stage [0:DELAY];
    assign stage[0] = enters;
    assign leaves = stage[DELAY];
    genvar d;
    generate
        for (d = 0; d < DELAY; d = d + 1) begin : line
            reg [WIDTH-1:0] held;
            assign stage[d+1] = held;
            always @(posedge clock)
                if (reset) held <= 0;
                else if (advance) held <= stage[d];
        end
    endgenerate
endmodule
