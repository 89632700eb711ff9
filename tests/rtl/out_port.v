// A port between an edge of an array and the memory that takes its sums, with room for DEPTH words at the edge.
//
// `coming` words reach the edge if the array moves in this cycle. There is `room` for them if the words that are at
// the edge and those fit together; else the array has to stand still, whatever is in it. Words at the edge in cycle c
// may start on their way in cycle c: a transfer takes at most WORDS of them and EVERY cycles; started in cycle c, they
// are home, and their room at the edge is free, in cycle c + EVERY. UNLIMITED = 1: they are home the cycle after.
module out_port #(
    parameter WORDS = 4,
    parameter EVERY = 1,
    parameter DEPTH = 8,
    parameter UNLIMITED = 0
) (
    input wire clock,
    input wire reset,
    input wire [31:0] coming,
    input wire advance,
    output wire room,
    output wire [31:0] carried   // words that are home in the next cycle
);
    reg [31:0] level, under_way, remaining;
    wire [31:0] offered = UNLIMITED || level < WORDS ? level : WORDS;
    wire starts = remaining == 0 && level != 0;
    wire [31:0] count = starts ? offered : under_way;
    wire ends = starts ? EVERY == 1 : remaining == 1;
    assign carried = ends ? count : 0;
    assign room = UNLIMITED || level + coming <= DEPTH || coming == 0;
    always @(posedge clock)
        if (reset) begin
            level <= 0;
            under_way <= 0;
            remaining <= 0;
        end else begin
            if (starts) begin
                under_way <= offered;
                remaining <= EVERY - 1;
            end else if (remaining != 0) remaining <= remaining - 1;
            level <= level - carried + (advance ? coming : 0);
        end
endmodule
