namespace Matrix.LoadGen.Users;

/// <summary>A person, with the rooms in the order in which they are liked.</summary>
/// <param name="Number">The person's number.</param>
/// <param name="HasPhone">Whether there is a phone.</param>
/// <param name="HasLaptop">Whether there is a laptop.</param>
/// <param name="Activity">How much more than an average person this one does.</param>
/// <param name="Rooms">Numbers of rooms.</param>
internal sealed record Person(int Number, bool HasPhone, bool HasLaptop, double Activity, IReadOnlyList<int> Rooms);

/// <summary>A room.</summary>
/// <param name="Number">The room's number.</param>
/// <param name="IsDirect">Whether it is a direct chat; the others are public.</param>
/// <param name="IsEncrypted">Whether its messages are encrypted.</param>
/// <param name="Members">Numbers of people. The first one creates it.</param>
internal sealed record PlannedRoom(int Number, bool IsDirect, bool IsEncrypted, IReadOnlyList<int> Members);

/// <summary>People and their rooms.</summary>
internal sealed record Community(IReadOnlyList<Person> People, IReadOnlyList<PlannedRoom> Rooms)
{
    /// <summary>Draws people and their rooms.</summary>
    public static Community Draw(Rates rates, int people, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(people, 2);
        var draw = new Drawing(seed);
        var rooms = DrawRooms(rates, draw, people);
        var roomsOf = new List<int>[people];
        for (var i = 0; i < people; i++) roomsOf[i] = [];
        foreach (var room in rooms)
        {
            foreach (var member in room.Members) roomsOf[member].Add(room.Number);
        }

        var sigma = rates["activity-spread"];
        return new Community(
            [.. Enumerable.Range(0, people).Select(i => DrawPerson(rates, draw, i, sigma, roomsOf[i]))], rooms);
    }

    private static Person DrawPerson(Rates rates, Drawing draw, int number, double sigma, List<int> rooms)
    {
        var hasPhone = draw.Happens(rates["phones"]);
        var hasLaptop = !hasPhone || draw.Happens(rates["laptops"]);

        // The mean of the factor is one.
        var activity = draw.LogNormal(sigma) * Math.Exp(-sigma * sigma / 2);
        var order = draw.Different(rooms.Count, rooms.Count);
        return new Person(number, hasPhone, hasLaptop, activity, [.. order.Select(at => rooms[at])]);
    }

    private static List<PlannedRoom> DrawRooms(Rates rates, Drawing draw, int people)
    {
        var rooms = new List<PlannedRoom>();
        for (var i = 0; i < people * rates["direct-chats"] / 2; i++)
        {
            rooms.Add(new PlannedRoom(
                rooms.Count, IsDirect: true, draw.Happens(rates["encrypted-direct"]), draw.Different(2, people)));
        }

        var most = Math.Max(people / 2, 2);
        for (var left = people * rates["groups"]; left > 0;)
        {
            var size = Math.Min(draw.Pareto(rates["group-least"], rates["group-exponent"], most), people);
            left -= size;
            rooms.Add(new PlannedRoom(
                rooms.Count, IsDirect: false, draw.Happens(rates["encrypted-groups"]), draw.Different(size, people)));
        }

        return rooms;
    }
}
