// An output-stationary systolic array of R x C PEs.
//
// What happens in which cycle. Vector k of a tile is one word for every row, handed in at the left edge, and one for
// every column, handed in at the top edge, both in cycle t_k. Registers at the edges delay row i by i and column j
// by j cycles; words move one PE to the right and one PE down per cycle. So PE (i, j) adds product k to its sum
//
//     in cycle t_k + i + j,
//
// and the tile's last product, of its vector in cycle t, is in the PE's register from cycle t + i + j + 1 on. `first`
// and `last`, handed in with a tile's first and last vector, travel with the words from the left: `first` starts the
// PE's sum anew, `last` says that it is complete. How sums leave (DRAIN), with t the cycle of the tile's last vector:
//
//     0   all at once, when the last PE in use, (r - 1, c - 1), is through: in cycle t + r + c - 1. The next tile may
//         start in that cycle. (r, c: `last_row` + 1 and `last_column` + 1; R and C for a whole tile.)
//     1   each when it is complete: in cycle t + i + j + 1. The next tile may start in cycle t + 1.
//     2   down the columns through the registers that the sums were made in. When the PE at the bottom of column j is
//         through, in cycle t + R + j, its sum leaves and all above move down by one, one row per cycle: the sum of
//         PE (i, j) leaves in cycle t + R + j + (R - 1 - i). The PE in row i is free again in cycle t + R + j + i, in
//         which it passes on the last sum from above. So the next tile may start in cycle t + R.
//     3   likewise, but through registers of their own, into which a PE copies its sum when it is complete. Sums
//         leave in the same cycles; the next tile may start in cycle t + 1, and its last vector may enter in t + R.
//
// While `advance` is low nothing moves: "cycle" above then means a cycle in which it is high, and a sum leaves in the
// cycle (of the clock) after the move that has brought it to where it leaves. A vector that is not `valid` is a
// bubble: it moves through the array and the PEs do nothing for it.
module output_stationary_pe #(
    parameter OPERAND = 8,
    parameter SUM = 32,
    parameter DRAIN = 0
) (
    input wire clock,
    input wire reset,
    input wire advance,
    input wire valid,
    input wire first,
    input wire last,
    input wire signed [OPERAND-1:0] word,
    output reg right_valid,
    output reg right_first,
    output reg right_last,
    output reg signed [OPERAND-1:0] right_word,
    input wire signed [OPERAND-1:0] weight,
    output reg signed [OPERAND-1:0] below_weight,
    input wire drains_above,              // the PE above passes its sum on to this one in this cycle
    input wire signed [SUM-1:0] sum_above,
    output wire signed [SUM-1:0] result   // the sum on its way out
);
    reg signed [SUM-1:0] sum;
    wire signed [SUM-1:0] product = word * weight;
    wire signed [SUM-1:0] next = first ? product : sum + product;

    always @(posedge clock)
        if (reset) begin
            right_valid <= 0;
            right_first <= 0;
            right_last <= 0;
            sum <= 0;
        end else if (advance) begin
            right_valid <= valid;
            right_first <= first;
            right_last <= last;
            right_word <= word;
            below_weight <= weight;
            if (valid) sum <= next;
            else if (DRAIN == 2 && drains_above) sum <= sum_above;
        end

    generate
        if (DRAIN == 3) begin : way_out
            reg signed [SUM-1:0] passing;
            assign result = passing;
            always @(posedge clock)
                if (advance) begin
                    if (valid && last) passing <= next;
                    else if (drains_above) passing <= sum_above;
                end
        end else begin : stays
            assign result = sum;
        end
    endgenerate
endmodule

module output_stationary #(
    parameter R = 4,
    parameter C = 4,
    parameter OPERAND = 8,
    parameter SUM = 32,
    parameter DRAIN = 0
) (
    input wire clock,
    input wire reset,
    input wire advance,
    input wire valid,                     // a vector enters at both edges in this cycle
    input wire first,
    input wire last,
    input wire [R*OPERAND-1:0] vector,    // word i: for row i
    input wire [C*OPERAND-1:0] weights,   // word j: for column j
    input wire [31:0] last_row,           // with a tile's last vector: the last PE that it uses (DRAIN = 0)
    input wire [31:0] last_column,
    output wire [R*C-1:0] arrives,        // a move in this cycle brings the sum to where it leaves; bits as of `leaves`
    output wire [R*C-1:0] leaves,         // bit i * C + j: DRAIN 0 and 1: PE (i, j)'s sum leaves in this cycle;
    output wire [R*C*SUM-1:0] sums        // DRAIN 2 and 3: row R - 1 only, a sum leaves column j in this cycle
);
    wire moving_valid [0:R-1][0:C];
    wire moving_first [0:R-1][0:C];
    wire moving_last [0:R-1][0:C];
    wire [OPERAND-1:0] moving_word [0:R-1][0:C];
    wire [OPERAND-1:0] moving_weight [0:R][0:C-1];
    wire drains [0:R][0:C-1];             // [i]: the PE above row i passes its sum on in this cycle
    wire [SUM-1:0] moving_sum [0:R][0:C-1];

    reg moved;   // the array moved in the cycle before, so what is in place to leave is new
    always @(posedge clock) moved <= advance & ~reset;

    reg [31:0] until;   // moves until the last PE in use is through, and one
    wire all_complete = valid && last ? last_row + last_column == 0 : until == 2;
    always @(posedge clock)
        if (reset) until <= 0;
        else if (advance) begin
            if (valid && last) until <= last_row + last_column + 1;
            else if (until != 0) until <= until - 1;
        end

    genvar i, j;
    generate
        for (i = 0; i < R; i = i + 1) begin : left
            skew #(.DELAY(i), .WIDTH(OPERAND + 3)) edge_of_row (
                clock, reset, advance, {valid, first, last, vector[i*OPERAND +: OPERAND]},
                {moving_valid[i][0], moving_first[i][0], moving_last[i][0], moving_word[i][0]});
        end
        for (j = 0; j < C; j = j + 1) begin : top
            skew #(.DELAY(j), .WIDTH(OPERAND)) edge_of_column (
                clock, reset, advance, weights[j*OPERAND +: OPERAND], moving_weight[0][j]);
            assign drains[0][j] = 1'b0;
            assign moving_sum[0][j] = 0;
        end
        for (i = 0; i < R; i = i + 1) begin : row
            for (j = 0; j < C; j = j + 1) begin : column
                output_stationary_pe #(.OPERAND(OPERAND), .SUM(SUM), .DRAIN(DRAIN)) pe (
                    clock, reset, advance,
                    moving_valid[i][j], moving_first[i][j], moving_last[i][j], moving_word[i][j],
                    moving_valid[i][j+1], moving_first[i][j+1], moving_last[i][j+1], moving_word[i][j+1],
                    moving_weight[i][j], moving_weight[i+1][j],
                    drains[i][j], moving_sum[i][j], moving_sum[i+1][j]);
                wire through = moving_valid[i][j+1] & moving_last[i][j+1];   // the PE's sum is complete
                assign sums[(i*C+j)*SUM +: SUM] = moving_sum[i+1][j];

                wire completes = moving_valid[i][j] & moving_last[i][j];     // a move in this cycle makes it so

                // Down the columns: all rows start when the bottom PE is through; row i passes on i + 1 sums.
                if (DRAIN >= 2) begin : down
                    reg more;
                    wire starts = row[R-1].column[j].through;
                    assign drains[i+1][j] = starts | more;
                    always @(posedge clock)
                        if (reset) more <= 0;
                        else if (advance) more <= drains[i][j];
                    assign arrives[i*C+j] = i == R - 1 && (completes || drains[R-1][j]);
                    assign leaves[i*C+j] = i == R - 1 && moved && drains[R][j];
                end else begin : stays
                    assign drains[i+1][j] = 1'b0;
                    assign arrives[i*C+j] = DRAIN == 1 ? completes : all_complete;
                    assign leaves[i*C+j] = moved & (DRAIN == 1 ? through : until == 1);
                end
            end
        end
    endgenerate
endmodule
