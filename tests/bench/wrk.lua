-- Sends prepared requests in turn: wrk -s wrk.lua URL -- FILE FIRST STATUS SERIAL
-- FILE holds, per request, a line with its length in bytes and then the request itself. Every answer must have
-- the status STATUS. The places of serials.py are filled with numbers that begin after SERIAL.
local requests, turn, serial, threads = {}, 0, 0, {}
wrong = 0 -- Global, for the main thread reads it.

local function next_serial()
  serial = serial + 1
  return string.format("%012d", serial)
end

local function same_serial()
  return string.format("%012d", serial)
end

local function gtin()
  local digits, total = string.format("9%012d", serial), 0
  for place = 1, 13 do
    total = total + (digits:byte(place) - 48) * (place % 2 == 1 and 3 or 1)
  end
  return digits .. -total % 10
end

local fillers = {next = next_serial, same = same_serial, gtin = gtin}

local function divided(text)
  local pieces, from = {}, 1
  for first, kind, after in text:gmatch("()<<(%l+)%.+>>()") do
    pieces[#pieces + 1] = text:sub(from, first - 1)
    pieces[#pieces + 1] = fillers[kind]
    from = after
  end
  pieces[#pieces + 1] = text:sub(from)
  return pieces
end

local function filled(pieces)
  local parts = {}
  for index, piece in ipairs(pieces) do
    parts[index] = index % 2 == 1 and piece or piece()
  end
  return table.concat(parts)
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init(arguments)
  local status = tonumber(arguments[3])
  serial = tonumber(arguments[4])
  local file = assert(io.open(arguments[1], "rb"))
  for length in file:lines() do
    local text = file:read(tonumber(length))
    requests[#requests + 1] = text:find("<<", 1, true) and divided(text) or text
  end
  file:close()
  turn = tonumber(arguments[2]) % #requests
  if status ~= 200 then
    -- Looking at each answer costs wrk time; of readings it counts the errors by itself.
    response = function(answered)
      if answered ~= status then wrong = wrong + 1 end
    end
  end
end

function request()
  turn = turn % #requests + 1
  local found = requests[turn]
  return type(found) == "string" and found or filled(found)
end

function done(summary, latency)
  local errors = summary.errors
  local refused = errors.status
  for _, thread in ipairs(threads) do
    refused = math.max(refused, thread:get("wrong"))
  end
  io.stderr:write(string.format(
    '{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    refused, errors.connect + errors.read + errors.write + errors.timeout))
end
