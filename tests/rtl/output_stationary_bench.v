// Works through a list of tiles on an output-stationary array as early as the array and its edge ports allow, and
// prints what happens in which cycle: `vector C` when one enters, `sum C I J V` when one leaves from PE (I, J),
// `home C N` when N sums are home. PEs that a tile does not use give sums, too, but nobody takes them home.
//
// Every tile (folds.hex) is six numbers: vectors; words per vector at the left edge and at the top edge; `gap`, the
// cycles from the tile's last vector to the one in which the next tile's first vector (DRAIN = 3: its last one) may
// enter; and the last row and the last column whose PEs a tile that leaves all at once waits for.
//
// A vector is due when there is a place for it. If its words are not there, left or top, the array stands still
// (FREEZE = 1), or a bubble enters (FREEZE = 0).
`timescale 1ns / 1ns
module output_stationary_bench;
    parameter R = 4, C = 4, OPERAND = 8, SUM = 32, DRAIN = 0, FREEZE = 0;
    parameter FOLDS = 1, EXPECTED = 1, HOME = 1, LIMIT = 1000;
    parameter INPUT_SIZE = 1, INPUT_WORDS = 1, INPUT_EVERY = 1, INPUT_DEPTH = 1, INPUT_UNLIMITED = 1;
    parameter WEIGHT_SIZE = 1, WEIGHT_WORDS = 1, WEIGHT_EVERY = 1, WEIGHT_DEPTH = 1, WEIGHT_UNLIMITED = 1;
    parameter OUT_WORDS = 1, OUT_EVERY = 1, OUT_DEPTH = 1, OUT_UNLIMITED = 1;
    parameter INPUT_BLOCKED = 1, WEIGHT_BLOCKED = 1;

    reg clock = 0, reset = 1;
    reg [31:0] cycle = 0;
    always #5 clock = ~clock;
    always @(posedge clock) begin
        reset <= 0;
        if (!reset) cycle <= cycle + 1;
    end

    reg [31:0] folds [0:6*FOLDS+5];
    initial $readmemh("folds.hex", folds);

    reg [31:0] fold, vector, wait_for;
    wire open = fold < FOLDS;
    wire first = vector == 0;
    wire last = vector + 1 == folds[6*fold];
    wire place = wait_for == 0 || !(DRAIN == 3 ? last : first);
    wire inputs_there, weights_there;
    wire due = !reset && open && place;
    wire there = due && inputs_there && weights_there;
    wire room;
    wire advance = room && !(FREEZE && due && !there);
    wire enters = there && advance;

    always @(posedge clock)
        if (reset) begin
            fold <= 0;
            vector <= 0;
            wait_for <= 0;
        end else begin
            if (enters) begin
                vector <= last ? 0 : vector + 1;
                fold <= fold + last;
            end
            if (enters && last) wait_for <= folds[6*fold+3] - 1;
            else if (advance && wait_for != 0) wait_for <= wait_for - 1;
        end

    wire [R*OPERAND-1:0] inputs;
    wire [C*OPERAND-1:0] weights;
    fed_port #(
        .FILE("inputs.hex"), .BLOCKED("inputs_blocked.txt"), .SIZE(INPUT_SIZE), .BLOCKED_SIZE(INPUT_BLOCKED),
        .OPERAND(OPERAND), .LANES(R), .WORDS(INPUT_WORDS), .EVERY(INPUT_EVERY), .DEPTH(INPUT_DEPTH),
        .UNLIMITED(INPUT_UNLIMITED)
    ) input_port (
        clock, reset, cycle, INPUT_SIZE, open ? folds[6*fold+1] : 0, inputs_there, inputs, enters);
    fed_port #(
        .FILE("weights.hex"), .BLOCKED("weights_blocked.txt"), .SIZE(WEIGHT_SIZE), .BLOCKED_SIZE(WEIGHT_BLOCKED),
        .OPERAND(OPERAND), .LANES(C), .WORDS(WEIGHT_WORDS), .EVERY(WEIGHT_EVERY), .DEPTH(WEIGHT_DEPTH),
        .UNLIMITED(WEIGHT_UNLIMITED)
    ) weight_port (
        clock, reset, cycle, WEIGHT_SIZE, open ? folds[6*fold+2] : 0, weights_there, weights, enters);

    wire [R*C-1:0] arrives, leaves;
    wire [R*C*SUM-1:0] sums;
    output_stationary #(.R(R), .C(C), .OPERAND(OPERAND), .SUM(SUM), .DRAIN(DRAIN)) array (
        clock, reset, advance, there, first, last, inputs, weights,
        folds[6*fold+4], folds[6*fold+5], arrives, leaves, sums);

    // How many sums have left from every place; with it, of which tile and row the next one is, and if it is used.
    reg [31:0] gone [0:R*C-1], coming, tile, tile_row;
    wire [31:0] carried;
    integer k;
    always @(posedge clock)
        for (k = 0; k < R * C; k = k + 1)
            if (reset) gone[k] <= 0;
            else if (advance && arrives[k]) gone[k] <= gone[k] + 1;
    integer m;
    always @(*) begin
        coming = 0;
        for (m = 0; m < R * C; m = m + 1) begin
            tile = DRAIN >= 2 ? gone[m] / R : gone[m];
            tile_row = DRAIN >= 2 ? R - 1 - gone[m] % R : m / C;
            if (!reset && arrives[m] && tile_row < folds[6*tile+1] && m % C < folds[6*tile+2]) coming = coming + 1;
        end
    end
    out_port #(.WORDS(OUT_WORDS), .EVERY(OUT_EVERY), .DEPTH(OUT_DEPTH), .UNLIMITED(OUT_UNLIMITED)) sum_port (
        clock, reset, coming, advance, room, carried);


    integer n, seen = 0, home = 0;
    always @(negedge clock)
        if (!reset) begin
            if (enters) $display("vector %0d", cycle);
            for (n = 0; n < R * C; n = n + 1)
                if (leaves[n]) begin
                    $display("sum %0d %0d %0d %0d", cycle, n / C, n % C, $signed(sums[n*SUM +: SUM]));
                    seen = seen + 1;
                end
            if (carried != 0) $display("home %0d %0d", cycle + 1, carried);
            home = home + carried;
            if (cycle > LIMIT) $display("limit %0d", cycle);
            if ((seen == EXPECTED && home == HOME) || cycle > LIMIT) $finish;
        end
endmodule
