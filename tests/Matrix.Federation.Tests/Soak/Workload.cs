using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Soak;

/// <summary>What the users do: each chooses one action after another at random.</summary>
internal sealed class Workload(
    Records records, IReadOnlyList<SoakServer> servers, IReadOnlyList<SoakRoom> rooms, IReadOnlyList<SoakUser> anchors,
    IReadOnlyList<SoakUser> guests)
{
    private readonly ConcurrentDictionary<string, ConcurrentBag<TestUser>> _laptops = new();
    private int _actions;

    /// <summary>The actions so far.</summary>
    internal int Actions => Volatile.Read(ref _actions);

    /// <summary>Runs all users until it is stopped. What was begun is finished.</summary>
    internal Task RunAsync(int seed, CancellationToken stop)
    {
        var loops = new List<Task>();
        foreach (var anchor in anchors)
        {
            loops.Add(RunAsync(new Random(seed + loops.Count), random => AnchorActsAsync(anchor, random), stop));
            loops.Add(RunAsync(new Random(seed + loops.Count), random => AnchorActsAsync(anchor, random), stop));
        }

        foreach (var guest in guests)
        {
            loops.Add(RunAsync(new Random(seed + loops.Count), random => GuestActsAsync(guest, random), stop));
        }

        return Task.WhenAll(loops);
    }

    /// <summary>Sends one message of each anchor to each room.</summary>
    internal async Task SayLastAsync()
    {
        foreach (var room in rooms)
        {
            foreach (var anchor in room.Anchors) await SaysAsync(anchor, room, "last");
        }
    }

    /// <summary>
    /// Sends one message of each user to a room, one after another, so that each merges the forward extremities that
    /// its server has.
    /// </summary>
    internal async Task MergeAsync(SoakRoom room, IReadOnlyList<SoakUser> users)
    {
        foreach (var user in users)
        {
            await SaysAsync(user, room, "merge");
            await Task.Delay(TimeSpan.FromSeconds(2));
        }
    }

    private async Task RunAsync(Random random, Func<Random, Task> act, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await act(random);
            Interlocked.Increment(ref _actions);
            await Task.Delay(random.Next(20, 300), CancellationToken.None);
        }
    }

    private Task AnchorActsAsync(SoakUser anchor, Random random)
    {
        var room = Pick(random, [.. rooms.Where(each => each.Anchors.Contains(anchor))]);
        return random.Next(100) switch
        {
            < 50 => SaysAsync(anchor, room, "m.text"),
            < 58 => RedactAsync(anchor, room, random),
            < 66 => MarkAsync(anchor, room),
            < 72 => ChangeRoomAsync(anchor, room, random),
            < 82 => ModerateAsync(anchor, room, random),
            < 94 => SendsToDeviceAsync(anchor, random),
            _ => ChangeDevicesAsync(anchor, random),
        };
    }

    private async Task GuestActsAsync(SoakUser guest, Random random)
    {
        var room = Pick(random, rooms);
        switch (random.Next(100))
        {
            case < 40:
                await SaysAsync(guest, room, "m.text");
                break;
            case < 65:
                await room.JoinAsync(guest, servers);
                break;
            case < 75:
                await guest.PostAsync($"{room.Path}/leave", []);
                break;
            case < 90:
                await SendsToDeviceAsync(guest, random);
                break;
            default:
                await ChangeDevicesAsync(guest, random);
                break;
        }
    }

    private async Task SaysAsync(SoakUser user, SoakRoom room, string kind)
    {
        var content = new JsonObject { ["msgtype"] = kind, ["body"] = records.NextMark() };
        Record(room, user, await user.SendAsync(room.RoomId, "m.room.message", content));
    }

    private async Task RedactAsync(SoakUser anchor, SoakRoom room, Random random)
    {
        // A redaction is shown where its event is, so it must be one that the sender's server and all others have.
        var sent = records.Events.Where(each =>
            each.RoomId == room.RoomId && each.MustReachAll && each.Sender.Server == anchor.Server).ToList();
        if (sent.Count == 0) return;
        var redacted = Pick(random, sent).EventId;
        Record(room, anchor, await anchor.RedactAsync(room.RoomId, redacted), redacted);
    }

    /// <summary>Sets a part of the state that only this user sets.</summary>
    private async Task MarkAsync(SoakUser anchor, SoakRoom room) => Record(
        room, anchor,
        await anchor.SetAsync(
            room.RoomId, "org.example.mark", anchor.Id, new JsonObject { ["mark"] = records.NextMark() }));

    /// <summary>Sets a part of the state that all anchors set.</summary>
    private async Task ChangeRoomAsync(SoakUser anchor, SoakRoom room, Random random)
    {
        var (type, content) = random.Next(4) switch
        {
            0 => ("m.room.topic", new JsonObject { ["topic"] = "A soak" }),
            1 => ("m.room.name", new JsonObject { ["name"] = "Soak" }),
            2 when anchor == room.Creator => ("m.room.power_levels", room.Levels(random.Next(50))),
            _ => ("m.room.join_rules", new JsonObject { ["join_rule"] = random.Next(4) == 0 ? "invite" : "public" }),
        };

        // Setting the same again returns the event that did so first.
        content["mark"] = records.NextMark();
        Record(room, anchor, await anchor.SetAsync(room.RoomId, type, "", content));
    }

    private async Task ModerateAsync(SoakUser anchor, SoakRoom room, Random random)
    {
        var verb = Pick(random, ["kick", "ban", "unban", "unban", "invite"]);
        await anchor.PostAsync($"{room.Path}/{verb}", new JsonObject { ["user_id"] = Pick(random, guests).Id });
    }

    private async Task SendsToDeviceAsync(SoakUser user, Random random)
    {
        var receiver = Pick(random, anchors);
        var mark = records.NextMark();
        var body = new JsonObject
        {
            ["messages"] = new JsonObject
            {
                [receiver.Id] = new JsonObject
                {
                    [receiver.User.DeviceId] = new JsonObject { ["mark"] = mark },
                },
            },
        };
        var reply = await user.PutAsync($"sendToDevice/org.example.mark/{Guid.NewGuid():N}", body);
        if (reply.Is(200).Status == 200) records.Messages.Enqueue(new SentMessage(mark, user, receiver.Id));
    }

    /// <summary>Logs in on a new device with keys, or logs one out.</summary>
    private async Task ChangeDevicesAsync(SoakUser user, Random random)
    {
        var laptops = _laptops.GetOrAdd(user.Id, _ => []);
        if (laptops.Count > random.Next(4) && laptops.TryTake(out var old))
        {
            // A repeated request after a cut-off response finds its token gone.
            var reply = await user.On(old).PostAsync("logout", []);
            Assert.That(reply.Status, Is.AnyOf(200, 401), reply.Text);
            records.Devices[(user.Id, old.DeviceId)] = false;
            return;
        }

        var laptop = await LogInAsync(user);
        await user.On(laptop).RepeatAsync("keys/upload", async device =>
        {
            await device.UploadsKeysAsync(2);
            return await device.GetAsync("account/whoami");
        });
        records.Devices[(user.Id, laptop.DeviceId)] = true;
        laptops.Add(laptop);
    }

    private static async Task<TestUser> LogInAsync(SoakUser user)
    {
        TestUser? laptop = null;
        await user.RepeatAsync("login", async phone =>
        {
            laptop = await phone.LogsInAsync(deviceName: "laptop");
            return await laptop.GetAsync("account/whoami");
        });
        return laptop!;
    }

    private void Record(SoakRoom room, SoakUser sender, Reply reply, string? redacts = null)
    {
        var anchor = room.Anchors.Contains(sender);
        if (reply.Status == 200)
        {
            records.Events.Enqueue(
                new SentEvent(room.RoomId, (string)reply.Json["event_id"]!, sender, anchor) { Redacts = redacts });
        }
        else if (anchor)
        {
            throw new SoakException($"{sender.Id} may not send to {room.RoomId}: {reply.Status} {reply.Text}");
        }
    }

    private static T Pick<T>(Random random, IReadOnlyList<T> items) => items[random.Next(items.Count)];
}
