"""One after the other: the squares of a list, by this process alone. See example9."""


def square(number):
    return number * number


if __name__ == "__main__":
    numbers = [1, 2, 3, 4, 5]
    result = []
    for number in numbers:
        result.append(square(number))
    print(f"Squares: {result}")
