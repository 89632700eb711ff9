// Works through a list of folds on a weight-stationary array as early as the array and its edge ports allow, and
// prints what happens in which cycle: `row C` and `vector C` when one enters, `sum C J V` when one leaves column J,
// `home C N` when N sums are home. Columns that a fold does not use give sums, too, but nobody takes them home.
//
// Every fold (folds.hex) is six numbers: vectors; rows of weights to shift in; words per vector, per row of weights
// and per vector of psums (0: sums start at zero); and `gap`, the cycles from the fold's last vector (SHADOW = 0) or
// first vector (SHADOW = 1) to the one in which the first row of the next fold's weights may enter. A vector has as
// many words as there are rows of weights; further rows to shift in are zeros, come first, and need no words.
//
// A vector is due when its weights are in place. If it (or its psums) is not there, the array stands still
// (FREEZE = 1), or a bubble enters (FREEZE = 0). A row of weights that is not there never stops the array; in a cycle
// in which the array stands still no row enters. Psums may be sums that were made before: a word of them is in its
// memory when all sums of as many vectors as psums_after.hex says are home (with an unlimited port: have left).
`timescale 1ns / 1ns
module weight_stationary_bench;
    parameter R = 4, C = 4, OPERAND = 8, SUM = 32, SHADOW = 0, SKEWED = 0, FREEZE = 0;
    parameter FOLDS = 1, VECTORS = 1, EXPECTED = 1, HOME = 1, LIMIT = 1000;
    parameter INPUT_SIZE = 1, INPUT_WORDS = 1, INPUT_EVERY = 1, INPUT_DEPTH = 1, INPUT_UNLIMITED = 1;
    parameter WEIGHT_SIZE = 1, WEIGHT_WORDS = 1, WEIGHT_EVERY = 1, WEIGHT_DEPTH = 1, WEIGHT_UNLIMITED = 1;
    parameter PSUM_SIZE = 1, PSUM_WORDS = 1, PSUM_EVERY = 1, PSUM_DEPTH = 1, PSUM_UNLIMITED = 1;
    parameter OUT_WORDS = 1, OUT_EVERY = 1, OUT_DEPTH = 1, OUT_UNLIMITED = 1;
    parameter INPUT_BLOCKED = 1, WEIGHT_BLOCKED = 1, PSUM_BLOCKED = 1;

    reg clock = 0, reset = 1;
    reg [31:0] cycle = 0;
    always #5 clock = ~clock;
    always @(posedge clock) begin
        reset <= 0;
        if (!reset) cycle <= cycle + 1;
    end

    reg [31:0] folds [0:6*FOLDS+5];
    initial $readmemh("folds.hex", folds);

    // Where the work is: the next row of weights, the next vector.
    reg [31:0] weight_fold, row, rows_done, vector_fold, vector, released, wait_for;
    wire rows_open = weight_fold < FOLDS;
    wire vectors_open = vector_fold < FOLDS;
    wire [31:0] gap = folds[6*vector_fold+5];

    wire inputs_there, weights_there, psums_there;
    wire vector_due = !reset && vectors_open && rows_done > vector_fold;
    wire vector_there = vector_due && inputs_there && psums_there;
    wire room;
    wire advance = room && !(FREEZE && vector_due && !vector_there);
    wire vector_enters = vector_there && advance;
    wire first = vector == 0;
    wire last = vector + 1 == folds[6*vector_fold];
    wire releases = vector_enters && (SHADOW ? first : last);
    wire place = weight_fold == 0 || (released >= weight_fold && wait_for == 0)
                 || (releases && gap == 0 && vector_fold + 1 == weight_fold);
    wire row_enters = !reset && rows_open && place && weights_there && advance;
    wire last_row = row + 1 == folds[6*weight_fold+1];
    wire zeros = row + folds[6*weight_fold+2] < folds[6*weight_fold+1];

    always @(posedge clock)
        if (reset) begin
            weight_fold <= 0;
            row <= 0;
            rows_done <= 0;
            vector_fold <= 0;
            vector <= 0;
            released <= 0;
            wait_for <= 0;
        end else begin
            if (row_enters) begin
                row <= last_row ? 0 : row + 1;
                weight_fold <= weight_fold + last_row;
                rows_done <= rows_done + last_row;
            end
            if (vector_enters) begin
                vector <= last ? 0 : vector + 1;
                vector_fold <= vector_fold + last;
            end
            if (releases) begin
                released <= vector_fold + 1;
                wait_for <= gap == 0 ? 0 : gap - 1;
            end else if (advance && wait_for != 0) wait_for <= wait_for - 1;
        end

    wire [31:0] psums_filled;
    wire [R*OPERAND-1:0] inputs;
    wire [C*OPERAND-1:0] weights;
    wire [C*SUM-1:0] psums;
    fed_port #(
        .FILE("inputs.hex"), .BLOCKED("inputs_blocked.txt"), .SIZE(INPUT_SIZE), .BLOCKED_SIZE(INPUT_BLOCKED),
        .OPERAND(OPERAND), .LANES(R), .WORDS(INPUT_WORDS), .EVERY(INPUT_EVERY), .DEPTH(INPUT_DEPTH),
        .UNLIMITED(INPUT_UNLIMITED)
    ) input_port (
        clock, reset, cycle, INPUT_SIZE, vectors_open ? folds[6*vector_fold+2] : 0, inputs_there, inputs, vector_enters);
    fed_port #(
        .FILE("weights.hex"), .BLOCKED("weights_blocked.txt"), .SIZE(WEIGHT_SIZE), .BLOCKED_SIZE(WEIGHT_BLOCKED),
        .OPERAND(OPERAND), .LANES(C), .WORDS(WEIGHT_WORDS), .EVERY(WEIGHT_EVERY), .DEPTH(WEIGHT_DEPTH),
        .UNLIMITED(WEIGHT_UNLIMITED)
    ) weight_port (
        clock, reset, cycle, WEIGHT_SIZE, rows_open && !zeros ? folds[6*weight_fold+3] : 0, weights_there, weights, row_enters);
    fed_port #(
        .FILE("psums.hex"), .BLOCKED("psums_blocked.txt"), .SIZE(PSUM_SIZE), .BLOCKED_SIZE(PSUM_BLOCKED),
        .OPERAND(SUM), .LANES(C), .WORDS(PSUM_WORDS), .EVERY(PSUM_EVERY), .DEPTH(PSUM_DEPTH),
        .UNLIMITED(PSUM_UNLIMITED)
    ) psum_port (
        clock, reset, cycle, psums_filled, vectors_open ? folds[6*vector_fold+4] : 0, psums_there, psums, vector_enters);

    wire [C-1:0] arrives, leaves;
    wire [C*SUM-1:0] sums;
    weight_stationary #(
        .R(R), .C(C), .OPERAND(OPERAND), .SUM(SUM), .SHADOW(SHADOW), .SKEWED(SKEWED)
    ) array (
        clock, reset, advance, row_enters, weights, vector_there, first, inputs, psums, arrives, leaves, sums);

    // Which fold the next sum of every column is of, and how many columns' sums the next move brings that are used.
    reg [31:0] sum_fold [0:C-1], sum_vector [0:C-1], coming;
    wire [31:0] carried;
    integer k;
    always @(posedge clock)
        for (k = 0; k < C; k = k + 1)
            if (reset) begin
                sum_fold[k] <= 0;
                sum_vector[k] <= 0;
            end else if (advance && arrives[k]) begin
                if (sum_vector[k] + 1 == folds[6*sum_fold[k]]) sum_fold[k] <= sum_fold[k] + 1;
                sum_vector[k] <= sum_vector[k] + 1 == folds[6*sum_fold[k]] ? 0 : sum_vector[k] + 1;
            end
    integer n;
    always @(*) begin
        coming = 0;
        for (n = 0; n < C; n = n + 1)
            if (!reset && arrives[n] && n < folds[6*sum_fold[n]+3]) coming = coming + 1;
    end
    out_port #(.WORDS(OUT_WORDS), .EVERY(OUT_EVERY), .DEPTH(OUT_DEPTH), .UNLIMITED(OUT_UNLIMITED)) sum_port (
        clock, reset, coming, advance, room, carried);

    // A vector's sums are home when as many have come home as had come to the edge with its last one (`mark`). So many
    // vectors' are (`whole`), and so many words of psums are therefore in their memory (`psums_filled`).
    reg [31:0] after [0:PSUM_SIZE-1], mark [0:VECTORS], passed [0:C-1], filled;
    integer came, back, whole, words, v;
    initial $readmemh("psums_after.hex", after);
    assign psums_filled = filled;
    always @(posedge clock) begin
        if (reset) begin
            came = 0;
            back = 0;
            whole = 0;
            words = 0;
            for (v = 0; v < C; v = v + 1) passed[v] = 0;
            for (v = 0; v <= VECTORS; v = v + 1) mark[v] = 32'hffffffff;
        end else begin
            for (v = 0; v < C; v = v + 1)
                if (advance && arrives[v]) begin
                    if (v < folds[6*sum_fold[v]+3]) came = came + 1;
                    if (v + 1 == folds[6*sum_fold[v]+3]) mark[passed[v]] = came;
                    passed[v] = passed[v] + 1;
                end
            back = OUT_UNLIMITED ? came : back + carried;
        end
        while (mark[whole] <= back) whole = whole + 1;
        while (words < PSUM_SIZE && after[words] <= whole) words = words + 1;
        filled <= words;
    end

    integer j, seen = 0, home = 0;
    always @(negedge clock)
        if (!reset) begin
            if (row_enters) $display("row %0d", cycle);
            if (vector_enters) $display("vector %0d", cycle);
            for (j = 0; j < C; j = j + 1)
                if (leaves[j]) begin
                    $display("sum %0d %0d %0d", cycle, j, $signed(sums[j*SUM +: SUM]));
                    seen = seen + 1;
                end
            if (carried != 0) $display("home %0d %0d", cycle + 1, carried);
            home = home + carried;
            if (cycle > LIMIT) $display("limit %0d", cycle);
            if ((seen == EXPECTED && home == HOME) || cycle > LIMIT) $finish;
        end
endmodule
