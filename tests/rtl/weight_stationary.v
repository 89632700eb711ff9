// A weight-stationary systolic array of R x C PEs.
//
// What happens in which cycle. A vector (one word for every row) is handed in at the left edge in cycle t; registers
// at the edge delay row i by i cycles, and a word moves one PE to the right per cycle. So PE (i, j) multiplies it
//
//     in cycle t + i + j,
//
// adds the sum that came from the PE above in the cycle before (row 0: the psum that was handed in with the vector,
// delayed by j cycles, or zero), and has its own sum in a register one cycle later. The sum of column j is therefore
// complete in the register at the bottom edge, which is where it leaves the array,
//
//     in cycle t + R + j.
//
// Weights enter at the top, a row of C words per cycle (`shift`), the last row first; every row that enters moves
// the others down by one. R rows that entered in cycles s to s + R - 1 are in place from cycle t = s + R on, which
// is the first cycle in which a vector may use them. A cycle without `shift` moves no weights. Two ways to move:
//
//     SKEWED = 0   all PEs move their weights in the same cycle.
//     SKEWED = 1   PE (i, j) does so i + j cycles later, exactly as the vectors come by: `shift` and the word move
//                  right and down with the wave. The word needs one more register on its way from row to row.
//
// and two ways to keep them:
//
//     SHADOW = 0   one weight per PE. No weight may move in a cycle in which its PE multiplies. So after a tile's
//                  last vector in cycle t the next row may enter in cycle t + 1 (SKEWED = 1), or when the last PE
//                  has multiplied it, in cycle t + R + C - 1 (SKEWED = 0).
//     SHADOW = 1   two weights per PE, one that it multiplies with and one that moves. `flip`, handed in with the
//                  first vector of a tile, exchanges the two in PE (i, j) before it multiplies in cycle t + i + j.
//                  The first row of the tile after it may enter in that same cycle t (SKEWED = 1), or in the cycle
//                  in which the last PE exchanges, t + R + C - 2 (SKEWED = 0).
//
// While `advance` is low nothing moves: "cycle" above then means a cycle in which it is high, and a sum is at the
// bottom edge in the cycle (of the clock) after the one in which its last product was added. A vector that is not
// `valid` is a bubble: it moves through the array and the PEs do nothing for it.
module weight_stationary_pe #(
    parameter OPERAND = 8,
    parameter SUM = 32,
    parameter SHADOW = 0,
    parameter SKEWED = 0
) (
    input wire clock,
    input wire reset,
    input wire advance,
    input wire valid,
    input wire flip,
    input wire signed [OPERAND-1:0] word,
    output reg right_valid,
    output reg right_flip,
    output reg signed [OPERAND-1:0] right_word,
    input wire shift,
    input wire signed [OPERAND-1:0] weight_above,
    output wire below_shift,
    output wire signed [OPERAND-1:0] below_weight,
    input wire signed [SUM-1:0] sum_above,
    output reg signed [SUM-1:0] sum
);
    reg signed [OPERAND-1:0] weight [0:1];
    reg side;
    wire used = SHADOW ? side ^ (valid & flip) : 1'b0;
    wire filled = SHADOW ? ~used : 1'b0;
    wire signed [SUM-1:0] product = word * weight[used];

    always @(posedge clock)
        if (reset) begin
            right_valid <= 0;
            right_flip <= 0;
            side <= 0;
            weight[0] <= 0;
            weight[1] <= 0;
        end else if (advance) begin
            right_valid <= valid;
            right_flip <= flip;
            right_word <= word;
            side <= used;
            if (valid) sum <= sum_above + product;
            if (shift) weight[filled] <= weight_above;
        end

    generate
        if (SKEWED) begin : wave
            reg moves;
            reg signed [OPERAND-1:0] moved;
            assign below_shift = moves;
            assign below_weight = moved;
            always @(posedge clock)
                if (reset) moves <= 0;
                else if (advance) begin
                    moves <= shift;
                    moved <= weight[filled];
                end
        end else begin : at_once
            assign below_shift = shift;
            assign below_weight = weight[filled];
        end
    endgenerate
endmodule

module weight_stationary #(
    parameter R = 4,
    parameter C = 4,
    parameter OPERAND = 8,
    parameter SUM = 32,
    parameter SHADOW = 0,
    parameter SKEWED = 0
) (
    input wire clock,
    input wire reset,
    input wire advance,
    input wire shift,                     // a row of weights enters in this cycle
    input wire [C*OPERAND-1:0] weights,   // word j: for column j
    input wire valid,                     // a vector enters in this cycle
    input wire flip,                      // ... which is the first one for the weights in the shadow registers
    input wire [R*OPERAND-1:0] vector,    // word i: for row i
    input wire [C*SUM-1:0] psums,         // word j: what column j's sum for this vector starts from
    output wire [C-1:0] arrives,          // bit j: a move in this cycle brings column j's next sum to the edge
    output wire [C-1:0] leaves,           // bit j: a sum leaves column j in this cycle
    output wire [C*SUM-1:0] sums
);
    // What lies between PE (i, j - 1) and PE (i, j), and between PE (i - 1, j) and PE (i, j).
    wire moving_valid [0:R-1][0:C];
    wire moving_flip [0:R-1][0:C];
    wire [OPERAND-1:0] moving_word [0:R-1][0:C];
    wire moving_shift [0:R][0:C-1];
    wire [OPERAND-1:0] moving_weight [0:R][0:C-1];
    wire [SUM-1:0] moving_sum [0:R][0:C-1];

    reg moved;   // the array moved in the cycle before, so what is at the bottom edge is new
    always @(posedge clock) moved <= advance & ~reset;

    genvar i, j;
    generate
        for (i = 0; i < R; i = i + 1) begin : left
            skew #(.DELAY(i), .WIDTH(OPERAND + 2)) edge_of_row (
                clock, reset, advance, {valid, flip, vector[i*OPERAND +: OPERAND]},
                {moving_valid[i][0], moving_flip[i][0], moving_word[i][0]});
        end
        for (j = 0; j < C; j = j + 1) begin : top
            skew #(.DELAY(j), .WIDTH(SUM)) edge_of_sums (
                clock, reset, advance, psums[j*SUM +: SUM], moving_sum[0][j]);
            skew #(.DELAY(SKEWED ? j : 0), .WIDTH(OPERAND + 1)) edge_of_weights (
                clock, reset, advance, {shift, weights[j*OPERAND +: OPERAND]},
                {moving_shift[0][j], moving_weight[0][j]});
            assign arrives[j] = moving_valid[R-1][j];
            assign leaves[j] = moved & moving_valid[R-1][j+1];
            assign sums[j*SUM +: SUM] = moving_sum[R][j];
        end
        for (i = 0; i < R; i = i + 1) begin : row
            for (j = 0; j < C; j = j + 1) begin : column
                weight_stationary_pe #(
                    .OPERAND(OPERAND), .SUM(SUM), .SHADOW(SHADOW), .SKEWED(SKEWED)
                ) pe (
                    clock, reset, advance,
                    moving_valid[i][j], moving_flip[i][j], moving_word[i][j],
                    moving_valid[i][j+1], moving_flip[i][j+1], moving_word[i][j+1],
                    moving_shift[i][j], moving_weight[i][j], moving_shift[i+1][j], moving_weight[i+1][j],
                    moving_sum[i][j], moving_sum[i+1][j]);
            end
        end
    endgenerate
endmodule
