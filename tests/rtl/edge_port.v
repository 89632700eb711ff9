// A port between a memory and an edge of an array, with a FIFO of DEPTH words.
//
// A transfer brings as many words as have room when it starts, at most WORDS, takes EVERY cycles, and the words are
// in the FIFO in the cycle after: started in cycle c, they are there in cycle c + EVERY. The next transfer starts in
// that cycle at the earliest. It starts only where the memory is not `blocked`. The edge takes whole vectors:
// `there` says that all words (`needs`) of the next one are in the FIFO. The room of a vector that is taken in cycle
// c is free in cycle c + 1. Words keep their order and are packed: a transfer may end one vector and begin the next.
// UNLIMITED = 1: no FIFO, the next vector is there in every cycle in which the memory is not blocked.
module edge_port #(
    parameter OPERAND = 8,
    parameter LANES = 4,    // the most words of a vector
    parameter WORDS = 4,
    parameter EVERY = 1,
    parameter DEPTH = 8,
    parameter UNLIMITED = 0
) (
    input wire clock,
    input wire reset,
    input wire blocked,
    input wire [(LANES+WORDS)*OPERAND-1:0] source,   // the memory's next words, and how many it still has
    input wire [31:0] left,
    output wire [31:0] pulled,                       // how many of them are gone after this cycle
    input wire [31:0] needs,
    output wire there,
    output wire [LANES*OPERAND-1:0] vector,          // zero beyond `needs`
    input wire take
);
    genvar w;
    generate
        if (UNLIMITED) begin : direct
            assign there = needs == 0 || (!blocked && left >= needs);
            assign pulled = take ? needs : 0;
            for (w = 0; w < LANES; w = w + 1) begin : lane
                assign vector[w*OPERAND +: OPERAND] = w < needs ? source[w*OPERAND +: OPERAND] : 0;
            end
        end else begin : buffered
            reg [OPERAND-1:0] fifo [0:DEPTH-1];
            reg [31:0] head, level, under_way, remaining;
            wire [31:0] room = DEPTH - level;
            wire [31:0] fits = room < WORDS ? room : WORDS;
            wire [31:0] offered = left < fits ? left : fits;
            wire starts = remaining == 0 && !blocked && offered != 0;
            wire [31:0] count = starts ? offered : under_way;
            wire ends = starts ? EVERY == 1 : remaining == 1;
            assign pulled = ends ? count : 0;
            assign there = level >= needs;
            for (w = 0; w < LANES; w = w + 1) begin : lane
                assign vector[w*OPERAND +: OPERAND] = w < needs ? fifo[(head + w) % DEPTH] : 0;
            end
            integer n;
            always @(posedge clock)
                if (reset) begin
                    head <= 0;
                    level <= 0;
                    under_way <= 0;
                    remaining <= 0;
                end else begin
                    if (starts) begin
                        under_way <= offered;
                        remaining <= EVERY - 1;
                    end else if (remaining != 0) remaining <= remaining - 1;
                    for (n = 0; n < WORDS; n = n + 1)
                        if (n < pulled) fifo[(head + level + n) % DEPTH] <= source[n*OPERAND +: OPERAND];
                    if (take) head <= (head + needs) % DEPTH;
                    level <= level + pulled - (take ? needs : 0);
                end
        end
    endgenerate
endmodule

// The port with its memory, read from FILE, and the cycles in which that is blocked, read from BLOCKED (bits). Of the
// memory's words the first `filled` are there.
module fed_port #(
    parameter FILE = "",
    parameter BLOCKED = "",
    parameter SIZE = 1,
    parameter BLOCKED_SIZE = 1,
    parameter OPERAND = 8,
    parameter LANES = 4,
    parameter WORDS = 4,
    parameter EVERY = 1,
    parameter DEPTH = 8,
    parameter UNLIMITED = 0
) (
    input wire clock,
    input wire reset,
    input wire [31:0] cycle,
    input wire [31:0] filled,
    input wire [31:0] needs,
    output wire there,
    output wire [LANES*OPERAND-1:0] vector,
    input wire take
);
    reg [OPERAND-1:0] memory [0:SIZE-1];
    reg blocks [0:BLOCKED_SIZE-1];
    reg [31:0] next;
    wire [31:0] pulled;
    wire [(LANES+WORDS)*OPERAND-1:0] source;
    initial begin
        $readmemh(FILE, memory);
        $readmemb(BLOCKED, blocks);
    end
    genvar w;
    generate
        for (w = 0; w < LANES + WORDS; w = w + 1) begin : word
            assign source[w*OPERAND +: OPERAND] = next + w < SIZE ? memory[next + w] : 0;
        end
    endgenerate
    always @(posedge clock)
        if (reset) next <= 0;
        else next <= next + pulled;
    edge_port #(
        .OPERAND(OPERAND), .LANES(LANES), .WORDS(WORDS), .EVERY(EVERY), .DEPTH(DEPTH), .UNLIMITED(UNLIMITED)
    ) port (
        clock, reset, cycle < BLOCKED_SIZE && blocks[cycle], source, filled - next, pulled, needs, there, vector, take);
endmodule
