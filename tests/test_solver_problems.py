r"""Problems that a plan must solve, and plans that must not give an answer.

Every problem here was written for this file, from prompts/plan-language.md alone and before the solver was read: none
comes from a data set. The expected values were worked out by hand and checked with brute force or SymPy on formulas of
their own, never with the plan solver.

A table is one text. Each row begins with `@ name => expected`; the lines up to the next row are the plan.
"""

import re

import pytest
import sympy

from cotbench.plans import solve_plan

ARITHMETIC = r"""
@ bakery => 57
trays = 6
rolls_per_tray = 24
sold = 87
answer: trays * rolls_per_tray - sold

@ discount_then_tax => 357/5
price = 80
reduced = price * (1 - 15%)
answer: reduced * (1 + 5%)

@ running_total => 75
total = 20
total = total + 5
total = total * 3
answer: total

@ average_speed_there_and_back => 24
distance = 60
time_out = distance / 30
time_back = distance / 20
answer: 2*distance / (time_out + time_back)

@ ages_in_six_years => 18
# Nina is three times as old as Omar; in six years she is twice as old
nina = 3*omar
nina + 6 = 2*(omar + 6)
answer: nina

@ two_pumps => 12/5
1/t = 1/6 + 1/4
answer: t

@ saline_mixture => 20
# litres of the 20 % solution
0.2*x + 0.5*(30 - x) = 0.3*30
answer: x

@ buses_needed => 16
answer: ceil(187 / 12)

@ left_over_eggs => 16
answer: 250 % 18

@ compound_interest => 281216/125
principal = 2000
rate = 4%
answer: principal * (1 + rate)^3

@ paint_ratio => 18
a / b = 3 / 5
a + b = 72
answer: b - a

@ missing_mark => 87
(x + 74 + 81 + 90) / 4 = 83
answer: x

@ rounded_share => 283/100
answer: round(17/6, 2)

@ three_consecutive => 29
n: integer
n + (n + 1) + (n + 2) = 84
answer: n + 2

@ water_tank => 120
capacity: positive
3/4 * capacity - 30 = capacity / 2
answer: capacity

@ bill_with_tip => 708/25
bill = 96
tip = 18% * bill
answer: (bill + tip) / 4

@ temperature_range => 11
answer: max(3, -4, 7) - min(3, -4, 7)

@ part_of_the_rest => 1/3
pocket = 64
saved = 0.25 * pocket
answer: saved / (pocket - saved)

@ price_before_the_rise => 250
old * (1 + 12%) = 280
answer: old

@ seven_days_of_doubling => 381
answer: sum(3 * 2^d, d, 0, 6)
"""

LINEAR = r"""
@ tickets => 30
adults + children = 55
12*adults + 7*children = 535
answer: adults

@ three_unknowns => (1, 2, 3)
x + y + z = 6
x - y + 2z = 5
2x + y - z = 1
answer: (x, y, z)

@ product_of_two_names => 12
2x/3 + y/2 = 5
x - y = 4
answer: xy

@ pairwise_sums => 18
x + y = 10
y + z = 14
x + z = 12
answer: x + y + z

@ double_equals => 7/2
2x == 7
answer: x

@ line_through_two_points => 29
m*1 + b = 2
m*4 + b = 11
answer: m*10 + b

@ a_chain_of_four => 4
w + x + y + z = 10
w - x = 1
x - y = 1
y - z = 1
answer: w*z

@ a_known_parameter => 15/2
k = 5
x + y = 2*k
x - y = k
answer: x

@ only_the_asked_is_determined => 6
2x + 3y = 7
4x + 6y + z = 20
answer: z

@ a_combination_is_determined => 14
a + b = 7
answer: 2a + 2b
"""

NONLINEAR = r"""
@ garden_sides => 8
length * width = 48
length + width = 14
length > width
answer: length

@ larger_root => 3
x^2 - 5x + 6 = 0
x > 2
answer: x

@ extraneous_root => 3
sqrt(x + 6) = x
answer: x

@ absolute_value_negative => -2
|2x - 3| = 7
x < 0
answer: x

@ circle_and_line => (3, 4)
x^2 + y^2 = 25
x + y = 7
x < y
answer: (x, y)

@ power_of_two => 5
2^x = 32
answer: x

@ exponent_linear => 2
3^(2x - 1) = 27
answer: x

@ logarithms => 4
log(x, 2) + log(x - 2, 2) = 3
answer: x

@ same_for_both_roots => 7
x + 1/x = 3
answer: x^2 + 1/x^2

@ positive_surd => 1 + sqrt(2)
x: positive
x^2 = 2x + 1
answer: x

@ sum_of_cubes_by_symmetry => 80
a + b = 5
a * b = 3
answer: a^3 + b^3

@ product_of_roots => 3
x^2 - 7x + 3 = 0
answer: product_of(x)

@ sum_of_squares_of_roots => 14
x^3 - 6x^2 + 11x - 6 = 0
answer: sum_of(x^2)

@ set_of_roots => {-3, 3}
x^2 = 9
answer: all_of(x)

@ root_in_a_range => 1
x^4 - 5x^2 + 4 = 0
0 < x < 2
answer: x

@ not_that_root => -2
x^2 = 4
x != 2
answer: x

@ real_cube_root => 3
a^3 = 27
answer: a

@ removable_pole => 3
(x^2 - 4)/(x - 2) = 5
answer: x

@ chained_condition => (5, 3)
u^2 + v^2 = 34
u * v = 15
u > v > 0
answer: (u, v)

@ sum_of_angles => pi
sin(x) = 1/2
0 <= x <= 2*pi
answer: sum_of(x)

@ how_many_zeros_of_cosine => 3
cos(x) = 0
0 < x < 3*pi
answer: count(x)

@ two_absolute_values => -1
|x - 2| + |x + 3| = 9
answer: sum_of(x)

@ largest_product => 25
x > 0
y > 0
x + y = 10
answer: largest(x*y)

@ least_value_of_a_parabola => 3
f(x) = x^2 - 4x + 7
answer: smallest(f(x))

@ exponential_of_e => log(5)/2
e^(2x) = 5
answer: x

@ a_parameter_from_a_root => 8
x^2 - 6x + k = 0
x = 2
answer: k

@ how_many_roots => 3
x^3 - 4x = 0
answer: count(x)
"""

DIOPHANTINE = r"""
@ dimes_and_quarters => 13
d, q: nonnegative integers
d + q = 30
10d + 25q = 495
answer: q

@ two_lengths_of_board => 32
x, y: positive integers
7x + 11y = 100
answer: x*y

@ heads_and_legs => 12
hens, rabbits: nonnegative integer
hens + rabbits = 35
2*hens + 4*rabbits = 94
answer: rabbits

@ three_boxes_of_ten => 66
a, b, c: nonnegative integers
a + b + c = 10
answer: count((a, b, c))

@ reversed_number => 75
t, u: digit
t + u = 12
(10t + u) - (10u + t) = 18
answer: 10t + u

@ first_square_above => 23
n: positive integer
n^2 > 500
answer: smallest(n)

@ last_power_below => 6
n: positive integer
3^n < 1000
answer: largest(n)

@ difference_of_squares => 16
x, y: positive integers
x^2 - y^2 = 21
answer: sum_of(x)

@ right_triangles_up_to_twenty => 6
a, b, c: positive integers
a^2 + b^2 = c^2
a < b
c <= 20
answer: count((a, b, c))

@ most_coins => 11
a, b: nonnegative integers
4a + 7b = 50
answer: largest(a + b)

@ prime_pairs_of_thirty => 3
p, q: prime
p + q = 30
p < q
answer: count(p)

@ consecutive_odd => 13
n: odd
n > 0
n*(n + 2) = 195
answer: n

@ eleven_times_digit_sum => 198
a, b, c: digit
a > 0
100a + 10b + c = 11*(a + b + c)
answer: 100a + 10b + c

@ integer_factors_of_negative => 6
x, y: integer
x*y = -12
x + y = 4
x > y
answer: x

@ unit_fractions => 5
x, y: positive integers
x <= y
y <= 100
1/x + 1/y = 1/6
answer: count((x, y))

@ two_different_numbers => 6
x, y: integers
0 < x < 4
0 < y < 4
x != y
answer: count((x, y))

@ digits_and_their_gcd => 40
a, b, c: digit
c + |c - 3| + gcd(c, 6) = 4c + mod(a, 3)
answer: count((a, b, c))

@ a_digit_without_conditions => 70
a, c: digit
a > 2
answer: count((a, c))

@ divisor_condition => 8
k, m: integers
(k^2 + 7)/(k + 1) = m
answer: count(k)

@ least_sum_of_factors => 12
x, y: positive integers
x*y = 36
answer: smallest(x + y)

@ bounded_remainder => 47
n: integer
40 <= n <= 60
mod(n, 6) = 5
mod(n, 7) = 5
answer: n
"""

INTERVALS = r"""
@ between_the_roots => (-2, 3)
x^2 - x - 6 < 0
answer: x

@ half_line => [4, oo)
2x + 3 >= 11
answer: x

@ within_five => [-4, 6]
|x - 1| <= 5
answer: x

@ double_inequality => (-2, 4]
-3 < 2x + 1 <= 9
answer: x

@ outside_the_roots => (-oo, -3) U (3, oo)
x^2 > 9
answer: x

@ sign_of_a_quotient => (-2, 1]
(x - 1)/(x + 2) <= 0
answer: x

@ two_conditions => (1, 4)
x > 1
x^2 < 16
answer: x
"""

INEQUALITY_COUNTS = r"""
@ integers_in_a_quadratic => 9
n: integer
n^2 - 4n <= 12
answer: count(n)

@ largest_integer => 7
n: integer
7n + 4 < 60
answer: largest(n)

@ years_to_double => 8
n: positive integer
1.1^n > 2
answer: smallest(n)

@ sum_of_the_integers => 21
n: integer
|2n - 7| < 6
answer: sum_of(n)

@ fractions_between => 6
n: integer
1/4 < n/12 < 4/5
answer: count(n)

@ product_of_the_integers => 60
n: positive integer
2 < n < 6
answer: product_of(n)
"""

COUNTING = r"""
@ choose_three => 84
answer: binomial(9, 3)

@ mixed_committee => 200
answer: C(5, 2) * C(6, 3)

@ letters_with_repeats => 1260
answer: 7! / (2! * 2!)

@ medals => 120
answer: permutations(6, 3)

@ handshakes => 66
people = 12
answer: people*(people - 1)/2

@ round_table => 720
n = 7
answer: (n - 1)!

@ even_with_distinct_digits => 328
a, b, c: digit
a > 0
a != b
b != c
a != c
mod(c, 2) = 0
answer: count((a, b, c))

@ stars_and_bars => 165
sweets = 8
children = 4
answer: binomial(sweets + children - 1, children - 1)

@ derangements_of_five => 44
answer: 5! * sum((-1)^k / k!, k, 0, 5)

@ paths_avoiding_a_corner => 32
answer: C(8, 3) - C(4, 2)*C(4, 1)

@ rolls_with_a_six => 671
answer: 6^4 - 5^4

@ ordered_pairs => 84
answer: nPr(8, 2) + nCr(8, 2)

@ multiples_of_three_or_seven => 428
N = 1000
answer: floor(N/3) + floor(N/7) - floor(N/21)

@ at_least_three_women => 186
answer: sum(C(6, k)*C(4, 5 - k), k, 3, 5)
"""

GEOMETRY = r"""
@ distance => sqrt(29)
answer: sqrt((6 - 1)^2 + (4 - 2)^2)

@ heron => 84
a = 13
b = 14
c = 15
s = (a + b + c)/2
answer: sqrt(s*(s - a)*(s - b)*(s - c))

@ cosine_rule => 7
answer: sqrt(5^2 + 8^2 - 2*5*8*cos(60°))

@ circle_from_circumference => 25*pi
r: positive
2*pi*r = 10*pi
answer: pi*r^2

@ sine_of_75 => (sqrt(6) + sqrt(2))/4
answer: sin(75°)

@ angles_one_two_three => 90
alpha + beta + gamma = 180
beta = 2*alpha
gamma = 3*alpha
answer: gamma

@ shoelace => 14
x1 = 5
y1 = 1
x2 = 2
y2 = 6
answer: abs(x1*y2 - x2*y1)/2

@ ball => 9*pi/2
r = 3/2
answer: 4/3 * pi * r^3

@ cone_side => 65*pi
r = 5
h = 12
answer: pi*r*sqrt(r^2 + h^2)

@ equilateral_height => 5*sqrt(3)
side = 10
answer: side * sin(60°)

@ midpoint => (5, 1)
answer: ((2 + 8)/2, (-3 + 5)/2)

@ line_meets_circle => (2, 4)
x^2 + y^2 = 20
y = 2x
x > 0
answer: (x, y)

@ arc_length => 2*pi
answer: 9 * rad(40)

@ slope_angle => 45
answer: deg(atan(1))

@ angle_of_vectors => 60
u = (1, 0, 1)
v = (0, 1, 1)
answer: deg(acos(dot(u, v) / (norm(u)*norm(v))))

@ polygon_sides => 12
180*(n - 2) = 150*n
answer: n

@ box_diagonal => 7
answer: norm((2, 3, 6))

@ shadow => 12
h / 1.8 = 14 / 2.1
answer: h

@ right_triangle_unknown_leg => 2*sqrt(14)
b: positive
5^2 + b^2 = 9^2
answer: b

@ hexagon_area => 24*sqrt(3)
s = 4
answer: 6 * s^2 * sqrt(3) / 4
"""

CALCULUS = r"""
@ derivative_at_a_point => 10
f(x) = x^3 - 2x
g(x) = derivative(f(x), x)
answer: g(2)

@ stationary_point => 3
derivative(x^2 - 6x + 1, x) = 0
answer: x

@ definite_integral => 8
answer: integral(3x^2, x, 0, 2)

@ sine_arch => 2
answer: integrate(sin(x), x, 0, pi)

@ limit_of_sine => 3
answer: limit(sin(3x)/x, x, 0)

@ limit_to_e_squared => exp(2)
answer: limit((1 + 2/n)^n, n, oo)

@ geometric_series => 2
answer: sum(1/2^k, k, 0, oo)

@ basel => pi**2/6
answer: sum(1/k^2, k, 1, oo)

@ area_between_curves => 1/6
answer: integral(x - x^2, x, 0, 1)

@ second_derivative => (x + 2)*exp(x)
answer: diff(x*exp(x), x, 2)

@ highest_value => 13
f(x) = -2x^2 + 12x - 5
derivative(f(x), x) = 0
answer: f(x)

@ integral_to_e => 1
answer: integral(1/x, x, 1, e)

@ sum_of_cubes => 3025
answer: sum(k^3, k, 1, 10)

@ improper_integral => 1/2
answer: integral(exp(-2x), x, 0, oo)

@ hole_in_a_graph => 6
answer: limit((x^2 - 9)/(x - 3), x, 3)

@ telescoping_product => 10
answer: product((k + 1)/k, k, 1, 9)

@ antiderivative => x**2 + x
answer: integral(2x + 1, x)

@ index_named_i => 5050
answer: sum(i, i, 1, 100)

@ unknown_upper_bound => 4
b: positive
integral(2x, x, 0, b) = 16
answer: b
"""

MODULAR = r"""
@ two_congruences => 58
n: positive integer
n = 2 (mod 7)
n = 3 (mod 11)
answer: smallest(n)

@ power_remainder => 9
answer: mod(7^100, 13)

@ inverse_of_seventeen => 38
x: integer
17x ≡ 1 (mod 43)
0 <= x < 43
answer: x

@ last_two_digits => 43
answer: 3^45 % 100

@ weekday => 0
answer: (3 + 200) % 7

@ clock => 11
answer: mod(9 + 50, 12)

@ two_short => 58
n: positive integer
n % 3 = 1
n % 4 = 2
n % 5 = 3
answer: smallest(n)

@ negative_remainder => 3
answer: mod(-17, 5)

@ largest_below => 481
n: positive integer
n = 4 (mod 9)
n = 1 (mod 8)
n < 500
answer: largest(n)

@ square_roots_of_two => 7
x: integer
0 <= x < 7
x^2 = 2 (mod 7)
answer: sum_of(x)

@ power_of_a_year => 4
answer: mod(2^2024, 7)

@ last_digits_of_a_tower => 43
answer: mod(7^(7^7), 100)
"""

PROBABILITY = r"""
@ two_red => 5/33
answer: C(5, 2) / C(12, 2)

@ dice_sum_nine => 1/9
a, b: integers
1 <= a <= 6
1 <= b <= 6
a + b = 9
answer: count((a, b)) / 36

@ four_heads_of_six => 15/64
answer: C(6, 4) * 0.5^6

@ positive_test => 5/49
p = 0.01
hit = 0.9
false_alarm = 0.08
answer: p*hit / (p*hit + (1 - p)*false_alarm)

@ a_six_in_three => 91/216
answer: 1 - (5/6)^3

@ mean_of_a_die => 7/2
answer: sum(k/6, k, 1, 6)

@ shared_birthday_of_four => 795341/48627125
answer: 1 - P(365, 4)/365^4

@ unknown_number_of_balls => 6
# 4 white balls and w black ones: both drawn white with probability 2/15
w: nonnegative integer
(4/(4 + w)) * (3/(3 + w)) = 2/15
answer: w
"""

NUMBER_THEORY = r"""
@ gcd => 18
answer: gcd(252, 198)

@ lcm_of_three => 180
answer: lcm(12, 18, 20)

@ divisors => 24
answer: divisor_count(360)

@ digits_of_a_power => 31
answer: digit_sum(2^20)

@ totient => 40
answer: totient(100)

@ tenth_prime => 29
answer: prime(10)

@ prime_test => 1
answer: if(is_prime(97), 1, 0)

@ sum_of_divisors => 56
answer: divisor_sum(28)

@ next_prime => 97
n: prime
n > 90
answer: smallest(n)

@ trailing_zeros => 14
answer: sum(floor(60/5^k), k, 1, 3)

@ prime_root => 11
p: prime
p^2 - p = 110
answer: p

@ a_quarter_of_itself => 4
n: positive integer
n < 100
digit_sum(n) = n/4
answer: count(n)

@ no_thousands_among_arguments => 12
answer: gcd(12,180)

@ gcd_and_lcm_given => 2
a, b: positive integers
a < b
gcd(a, b) = 6
lcm(a, b) = 36
answer: count((a, b))

@ primes_by_test => 77
n: positive integer
is_prime(n) = true
n < 20
answer: sum_of(n)

@ gcd_with_twelve => 7
n: positive integer
n <= 40
gcd(n, 12) = 4
answer: count(n)
"""

MATRICES = r"""
@ determinant => 2
answer: det(matrix([[3, 1], [4, 2]]))

@ trace_of_product => 11
A = matrix([[1, 2], [0, 1]])
B = matrix([[3, 0], [2, 4]])
answer: trace(A*B)

@ rank => 2
answer: rank(matrix([[1, 2, 3], [2, 4, 6], [1, 0, 1]]))

@ dot_product => 12
answer: dot([1, 2, 3], [4, -5, 6])

@ triangle_by_cross => sqrt(46)/2
answer: norm(cross((1, 2, 0), (0, 1, 3)))/2

@ singular_for => 4
det(matrix([[k, 2], [8, k]])) = 0
k > 0
answer: k

@ determinant_of_inverse => 1/5
M = matrix([[2, 1], [1, 3]])
answer: det(inverse(M))

@ symmetric_part => 0
M = matrix([[5, 7], [7, 9]])
answer: det(M - transpose(M))

@ square_of_matrix => 29
M = matrix([[1, 3], [2, 4]])
answer: trace(M^2)
"""

FUNCTIONS = r"""
@ twice => 25
f(x) = 2x + 3
answer: f(f(4))

@ unknown_coefficients => 32
f(x) = a*x + b
f(1) = 5
f(3) = 11
answer: f(10)

@ two_arguments => 6
g(x, y) = x^2 - y
answer: g(3, g(2, 1))

@ preimage => 7
f(x) = 3x - 4
f(t) = 17
answer: t

@ piecewise => 42
h(n) = if(n > 5, n^2, 2n)
answer: h(3) + h(6)

@ operation => 49
star(a, b) = a*b - a + b
answer: star(3, star(2, 5))

@ difference_of_values => 2*a + 1
f(x) = x^2
answer: expand(f(a + 1) - f(a))

@ sum_of_values => 385
sq(n) = n^2
answer: sum(sq(k), k, 1, 10)
"""

COMPLEX = r"""
@ modulus => 5
answer: abs(3 + 4i)

@ real_part => 5
answer: re((2 + 3i)*(1 - i))

@ eighth_power => 16
answer: (1 + i)^8

@ upper_root => 3*I
z: complex
z^2 = -9
im(z) > 0
answer: z

@ argument => pi/4
answer: arg(1 + I)

@ high_power_of_i => -I
answer: i^2023

@ reciprocal => 1/5 + 2*I/5
answer: 1/(1 - 2i)

@ cube_roots_of_one => 3
z: complex
z^3 = 1
answer: count(z)

@ conjugate_product => 13
answer: (2 + 3i) * conjugate(2 + 3i)
"""

SYMBOLIC = r"""
@ cube_of_a_sum => x**3 + 6*x**2 + 12*x + 8
answer: expand((x + 2)^3)

@ factored => (x - 2)*(x - 3)
answer: factor(x^2 - 5x + 6)

@ cancelled => x - 1
answer: simplify((x^2 - 1)/(x + 1))

@ brackets_side_by_side => a**2 - b**2
answer: expand((a + b)(a - b))

@ difference_of_squares => 3*x**2 - 10*x - 8
answer: expand((2x - 1)^2 - (x + 3)^2)

@ product_rule => 2*x*sin(x) + x**2*cos(x)
answer: derivative(x^2*sin(x), x)
"""

# Two or three thoughts each.
LONGER = r"""
@ box_with_integer_sides => (2, 4, 6)
x, y, z: positive integers
x <= y
y <= z
x + y + z = 12
x*y*z = 48
answer: (x, y, z)

@ nines => 180
answer: digit_sum(10^20 - 1)

@ squares_that_leave_one => 333
n: positive integer
n <= 1000
n^2 = 1 (mod 24)
answer: count(n)

@ system_of_roots => (9, 16)
sqrt(x) + sqrt(y) = 7
sqrt(x*y) = 12
x < y
answer: (x, y)

@ angle_from_its_sine => 30
2*sin(t) = 1
0 < t < pi/2
answer: deg(t)

@ tangent_from_the_axis => 4/3
# the line y = m x + 5 touches the circle of radius 3 about the origin
abs(5)/sqrt(m^2 + 1) = 3
m > 0
answer: m

@ hidden_quadratic => 3
4^x - 6*2^x + 8 = 0
answer: sum_of(x)

@ arithmetic_sequence => 780
a1 + 4d = 17
a1 + 9d = 37
answer: sum(a1 + k*d, k, 0, 19)

@ geometric_sequence => 3
a * r^2 = 12
a * r^5 = 96
answer: a

@ same_floor => 7
n: positive integer
floor(n/7) = 5
answer: count(n)

@ two_primes => 47
p, q: prime
2p + 3q = 100
answer: p

@ unknown_base => 7
b: positive integer
3b^2 + 2b + 1 = 162
answer: b

@ sine_rule => 4*sqrt(2)
a/sin(30°) = 8/sin(45°)
answer: a

@ common_chord => 4*sqrt(2)
# circles x^2 + y^2 = 9 and (x - 4)^2 + y^2 = 17
x^2 + y^2 = 9
(x - 4)^2 + y^2 = 17
y > 0
chord = 2y
answer: chord

@ cubic_through_points => 26
f(x) = a*x^3 + b*x + c
f(0) = -1
f(1) = 0
f(2) = 7
answer: f(3)

@ three_quotients_of_letters => 1089
a, b, c, d: digit
a > 0
d > 0
9*(1000a + 100b + 10c + d) = 1000d + 100c + 10b + a
answer: 1000a + 100b + 10c + d

@ other_stationary_point => 4/3
g(x) = x^3 - 2x^2
derivative(g(x), x) = 0
x != 0
answer: x

@ least_perimeter => 40
# a field of area 100: stationary perimeter
w: positive
p(w) = 2w + 200/w
derivative(p(w), w) = 0
answer: p(w)
"""

CHOICES = r"""
@ fraction => C
p = C(4, 2)/C(9, 2)
answer: p
option A: 1/4
option B: 2/9
option C: 1/6
option D: 5/18

@ decimal_that_it_rounds_to => B
answer: sqrt(50)
option A: 7.00
option B: 7.07
option C: 7.10
option D: 7.17

@ with_pi => D
r = 6
answer: pi*r^2/3
option A: 6*pi
option B: 8*pi
option C: 10*pi
option D: 12*pi

@ after_solving => A
3x - 7 = 11
answer: x
option A: 6
option B: 4/3
option C: 18
option D: -6

@ per_cent => C
answer: (46 - 40)/40
option A: 6%
option B: 13%
option C: 15%
option D: 85%

@ points => B
x + y = 1
x - y = 7
answer: (x, y)
option A: (-3, 4)
option B: (4, -3)
option C: (3, -4)
option D: (4, 3)

@ polynomial => D
answer: expand((x - 3)(x + 5))
option A: x^2 - 2x - 15
option B: x^2 + 2x + 15
option C: x^2 + 8x - 15
option D: x^2 + 2x - 15

@ options_come_first => A
option A: 2*sqrt(3)
option B: 3*sqrt(2)
option C: 6
option D: sqrt(6)
answer: sqrt(12)

@ ten_options => H
answer: 17*3 - 9
option A: 12
option B: 18
option C: 24
option D: 30
option E: 33
option F: 36
option G: 39
option H: 42
option I: 45
option J: 48

@ one_decimal => C
answer: 100/7
option A: 13.7
option B: 14.2
option C: 14.3
option D: 14.7

@ negative_decimal => A
answer: -2/3
option A: -0.67
option B: -0.60
option C: 0.67
option D: -1.50

@ root_of_a_cubic_by_decimals => A
x^3 - x - 1 = 0
answer: x
option A: 1.32
option B: 1.41
option C: 1.50
option D: 1.73

@ equal_in_another_shape => B
answer: 1/sqrt(2)
option A: sqrt(3)/2
option B: sqrt(2)/2
option C: sqrt(2)
option D: 1/2

@ option_in_given_names => D
n = 6
answer: n*(n + 1)/2
option A: n^2
option B: 2n + 1
option C: n!
option D: 3n + 3
"""

# Conditionals, contrapositives, "only if", "unless", "iff".
CONDITIONALS = r"""
@ modus_tollens => B
premise: bus_late -> nadia_walks
premise: nadia_walks -> umbrella
premise: not umbrella
ask: must be true
option A: bus_late
option B: not bus_late
option C: nadia_walks
option D: umbrella or bus_late

@ only_if_chain => C
premise: votes only if paid
premise: paid only if registered
premise: votes
ask: must be true
option A: not registered
option B: guest
option C: registered
option D: not paid

@ unless_rain => D
premise: picnic unless rain
premise: picnic -> lemonade
premise: not lemonade
ask: must be true
option A: not rain
option B: picnic
option C: rain and picnic
option D: rain

@ iff_alarm => B
premise: alarm iff (smoke or heat)
premise: not alarm
ask: cannot be true
option A: not smoke
option B: heat
option C: fan
option D: not heat and fan

@ no_drums => B
premise: violin or cello
premise: violin -> not drums
premise: cello -> not drums
ask: must be false
option A: violin and cello
option B: drums
option C: not violin
option D: flute

@ nothing_said_of_it => D
premise: engineer
premise: engineer -> degree
premise: degree -> exam
ask: could be false
option A: degree
option B: exam
option C: engineer and exam
option D: licence

@ fruit_except => D
premise: mango and kiwi
premise: kiwi -> plum
premise: plum -> not fig
ask: must be true except
option A: mango or fig
option B: not fig
option C: plum
option D: kiwi -> fig

@ lamp_must_be_false_except => D
premise: lamp <-> switch
premise: switch -> power
premise: switch
ask: must be false except
option A: not power
option B: not lamp
option C: lamp and not switch
option D: fuse

@ tea_could_be_false_except => C
premise: tea or coffee
premise: not (tea and coffee)
premise: tea -> milk
premise: coffee -> sugar
ask: could be false except
option A: tea
option B: coffee
option C: milk or sugar
option D: milk and sugar

@ if_then_by_cases => B
premise: if rain then (delay or cancel)
premise: if delay then angry
premise: if cancel then angry
premise: rain
ask: must be true
option A: delay
option B: angry
option C: cancel
option D: not angry

@ arrow_binds_to_the_right => B
premise: a -> b -> c
premise: b and not c
ask: must be true
option A: a
option B: not a
option C: c
option D: not b

@ arrow_after_or => A
premise: fog -> late or cancelled
premise: fog and not cancelled
ask: must be true
option A: late
option B: cancelled
option C: not fog
option D: late -> cancelled

@ signs_of_logic_books => B
premise: ¬p ∨ q
premise: q → r
premise: ¬r ∧ s
ask: must be true
option A: p
option B: ¬p ∧ s
option C: q
option D: r

@ signs_of_programs => C
premise: (a && b) => c
premise: !c || d
premise: a && !d
ask: must be true
option A: b
option B: c
option C: !b
option D: b && d

@ day_xor_night => C
premise: day xor night
premise: night -> stars
premise: not stars
ask: must be true
option A: night
option B: stars or night
option C: day
option D: day and night

@ bonus_if_and_only_if => A
premise: bonus if and only if (target and tenure)
premise: target
premise: not bonus
ask: must be true
option A: not tenure
option B: tenure
option C: bonus or tenure
option D: not target

@ contrapositive_as_option => C
premise: certified -> (trained and tested)
ask: must be true
option A: trained -> certified
option B: not certified -> not trained
option C: not trained -> not certified
option D: tested

@ could_be_after_denial => B
premise: open -> staffed
premise: not staffed
premise: holiday or repair
ask: could be true
option A: open
option B: repair and not holiday
option C: staffed and holiday
option D: not holiday and not repair

@ sufficient_is_not_necessary => D
premise: sugar -> sweet
premise: honey -> sweet
premise: sweet
ask: cannot be true
option A: not sugar and not honey
option B: sugar and honey
option C: honey and not sugar
option D: sugar and not sweet

@ what_always_holds => E
premise: north or south
ask: must be true
option A: north
option B: south
option C: west
option D: north and south
option E: west or not west

@ longer_chain => A
premise: not harvest -> import_grain
premise: import_grain -> tariff
premise: tariff implies protest
premise: protest only if march
premise: not march
ask: must be true
option A: harvest
option B: protest
option C: tariff or march
option D: not harvest
"""

# Who was chosen, who lies, who sits where.
PUZZLES = r"""
@ one_of_three => D
premise: exactly(1, ana, ben, caro)
premise: ana -> dan
premise: not dan or not eli
premise: eli
ask: could be true
option A: ana
option B: ben and caro
option C: dan
option D: ben and not caro

@ we_are_both_liars => B
# p says: both of us are liars
premise: knight(p) <-> (not knight(p) and not knight(q))
ask: must be true
option A: knight(p)
option B: knight(q) and not knight(p)
option C: not knight(q)
option D: knight(p) and knight(q)

@ three_islanders => D
# a: b lies. b: a and c are of one kind.
premise: a <-> not b
premise: b <-> (a <-> c)
ask: must be true
option A: a
option B: b
option C: c
option D: not c

@ one_says_i_or_he => A
# a says: I lie or b tells the truth
premise: a <-> (not a or b)
ask: must be true
option A: a and b
option B: a and not b
option C: not a and b
option D: not a and not b

@ paint_could_be_true_except => D
premise: at_most(1, red, green, blue)
premise: green or blue
ask: could be true except
option A: green
option B: blue
option C: not green
option D: red

@ two_of_three_cannot_except => C
premise: exactly(2, p, q, r)
premise: p -> not q
ask: cannot be true except
option A: p and q
option B: not r
option C: p and r
option D: not p and not q

@ one_true_statement => C
# one thief; of "not Rex", "Tia", "not Tia" one is true
premise: exactly(1, rex, sam, tia)
premise: exactly(1, not rex, tia, not tia)
ask: must be true
option A: sam
option B: tia
option C: rex
option D: not rex

@ bench_for_three => B
premise: exactly(1, left_ann, middle_ann, right_ann)
premise: exactly(1, left_bo, middle_bo, right_bo)
premise: exactly(1, left_cy, middle_cy, right_cy)
premise: exactly(1, left_ann, left_bo, left_cy)
premise: exactly(1, middle_ann, middle_bo, middle_cy)
premise: exactly(1, right_ann, right_bo, right_cy)
premise: not left_ann
premise: middle_bo -> right_ann
premise: left_bo -> right_cy
ask: must be true
option A: middle_ann
option B: not middle_cy
option C: left_cy
option D: right_bo

@ two_talks => A
premise: exactly(1, talk(kim, mon), talk(kim, tue), talk(kim, wed))
premise: exactly(1, talk(lou, mon), talk(lou, tue), talk(lou, wed))
premise: talk(kim, mon) -> talk(lou, tue) or talk(lou, wed)
premise: talk(kim, tue) -> talk(lou, wed)
premise: not talk(kim, wed)
premise: not talk(lou, tue)
ask: must be true
option A: talk(lou, wed)
option B: talk(kim, mon)
option C: talk(kim, tue)
option D: talk(lou, mon)

@ a_team_of_two => B
premise: exactly(2, fay, gus, hal, joy)
premise: fay -> not gus
premise: hal -> gus
premise: joy -> fay
ask: must be true
option A: fay
option B: fay <-> joy
option C: hal
option D: gus and joy

@ a_team_that_cannot_be => C
premise: exactly(2, fay, gus, hal, joy)
premise: fay -> not gus
premise: hal -> gus
premise: joy -> fay
ask: cannot be true
option A: fay and joy
option B: gus
option C: hal and joy
option D: not fay

@ least_and_most => C
premise: at_least(2, a, b, c)
premise: at_most(2, a, b, c)
premise: not (a and b)
ask: must be true
option A: a
option B: b
option C: c
option D: a and c

@ two_liars_of_three => B
# mia: noa lies. noa: otto lies. otto: mia and noa both lie. Two of them lie.
premise: mia <-> not noa
premise: noa <-> not otto
premise: otto <-> (not mia and not noa)
premise: exactly(1, mia, noa, otto)
ask: must be true
option A: mia
option B: noa
option C: otto
option D: not noa

@ houses_and_colours => D
premise: exactly(1, red(one), blue(one), green(one))
premise: exactly(1, red(two), blue(two), green(two))
premise: exactly(1, red(three), blue(three), green(three))
premise: exactly(1, red(one), red(two), red(three))
premise: exactly(1, blue(one), blue(two), blue(three))
premise: exactly(1, green(one), green(two), green(three))
premise: not red(one) and not red(three)
premise: blue(one) or green(three) -> not blue(one)
ask: must be true
option A: blue(one)
option B: green(three)
option C: red(one)
option D: green(one) and blue(three)

@ either_both_or_neither => C
premise: iris iff jack
premise: kate or leo
premise: jack -> not kate
premise: leo -> not iris
ask: must be true
option A: kate
option B: leo
option C: not iris
option D: kate and leo

@ delegates => A
premise: at_least(3, r, s, t, u, v)
premise: r xor s
premise: t -> u
premise: v -> not u
ask: cannot be true
option A: v
option B: r
option C: s and t
option D: not r

@ shifts_could_be_true => B
premise: exactly(1, early(pat), late(pat))
premise: exactly(1, early(sue), late(sue))
premise: exactly(1, early(tom), late(tom))
premise: at_most(1, late(pat), late(sue), late(tom))
premise: early(pat) -> late(sue)
ask: could be true
option A: early(pat) and early(sue)
option B: late(pat) and early(sue)
option C: late(tom)
option D: late(pat) and late(sue)

@ key_in_a_box => B
# one box has the key; of the three labels at most one is true
premise: exactly(1, gold, silver, lead)
premise: at_most(1, gold, not silver, not gold)
ask: must be true
option A: gold
option B: silver
option C: lead
option D: gold or lead

@ a_pair_unless => D
premise: wine unless cake
premise: cake -> juice
premise: not juice
ask: must be true
option A: cake
option B: juice
option C: cake or juice
option D: wine and not cake

@ five_options_could_be_false => E
premise: a <-> b
premise: b <-> c
premise: c
ask: could be false
option A: a
option B: b
option C: a and b
option D: c or d
option E: d

@ five_posts => C
# one post each for amy, bob, cal, dee, eve: chair, clerk, cook, driver, guard
premise: exactly(1, chair(amy), clerk(amy), cook(amy), driver(amy), guard(amy))
premise: exactly(1, chair(bob), clerk(bob), cook(bob), driver(bob), guard(bob))
premise: exactly(1, chair(cal), clerk(cal), cook(cal), driver(cal), guard(cal))
premise: exactly(1, chair(dee), clerk(dee), cook(dee), driver(dee), guard(dee))
premise: exactly(1, chair(eve), clerk(eve), cook(eve), driver(eve), guard(eve))
premise: exactly(1, chair(amy), chair(bob), chair(cal), chair(dee), chair(eve))
premise: exactly(1, clerk(amy), clerk(bob), clerk(cal), clerk(dee), clerk(eve))
premise: exactly(1, cook(amy), cook(bob), cook(cal), cook(dee), cook(eve))
premise: exactly(1, driver(amy), driver(bob), driver(cal), driver(dee), driver(eve))
premise: exactly(1, guard(amy), guard(bob), guard(cal), guard(dee), guard(eve))
premise: chair(amy) or chair(bob)
premise: chair(amy) -> cook(eve)
premise: not cook(eve)
premise: driver(cal) iff clerk(dee)
premise: guard(amy) or guard(eve)
premise: not driver(cal) -> guard(cal)
ask: must be true
option A: cook(bob)
option B: guard(amy)
option C: clerk(dee)
option D: chair(amy)

@ queue_before => A
# xb_y: x stands before y
premise: ab_b xor bb_a
premise: ab_c xor cb_a
premise: bb_c xor cb_b
premise: ab_b and bb_c -> ab_c
premise: cb_b and bb_a -> cb_a
premise: ab_b
premise: bb_c
ask: must be false
option A: cb_a
option B: ab_c
option C: not cb_b
option D: bb_c
"""

# The way models write: LaTeX, fences, numbering, sentences, foreign signs.
MESS = r"""
@ fenced_plan => 7
```plan
x + 3 = 10
answer: x
```

@ fence_without_a_word => 9
```
// the side of the square
s: positive
s^2 = 81   # its area
answer: s
```

@ fence_text => 15
```text
base = 5

height = 6
answer: base * height / 2
```

@ latex_fractions => 11/12
answer: \frac{3}{4} + \frac{1}{6}

@ latex_operators => 10
answer: 3 \cdot 4 \times 5 \div 6

@ latex_roots => 11
answer: \sqrt[3]{64} + \sqrt{49}

@ latex_left_right => 25
answer: \left( 2 + 3 \right)^{2}

@ dollars_around_formulas => 8
$x + y = 12$
$x - y = 4$
answer: $x$

@ round_brackets_of_latex => 7
\( 3a - 5 = 16 \)
answer: \( a \)

@ subscripts => 20
x_{1} + x_{2} = 9
x_{1} - x_{2} = 1
answer: x_{1} \cdot x_{2}

@ latex_binomial => 28/143
answer: \frac{\binom{8}{3}}{\binom{13}{3}}

@ latex_sine => 1/2
answer: \sin(\pi / 6)

@ nested_fraction => 3
\frac{x + 1}{x - 1} = 2
answer: x

@ fraction_with_roots => sqrt(3) + 2
answer: \frac{2\sqrt{3} + 4}{2}

@ latex_comparisons => 6
n: integer
3 \leq n
n \le 9
n \neq 5
answer: count(n)

@ both_powers => 24
answer: 2^3 + 2**4

@ sign_and_power => 5
answer: -2^2 + 3^2

@ tower => 512
answer: 2^3^2

@ implicit_products => 4
2x + 3(x - 1) == 17
answer: x

@ brackets_multiply => 35
a = 2
answer: (a + 3)(a + 5)

@ numbered_lines => 8
1. a = 4
2. b = 2a
3. answer: b

@ bold_answer => 7
x + 2 = 9
**Answer:** x

@ sentences => 6
Let x be a positive integer.
x^2 + x = 42
Answer: x.

@ is_and_assume => 10
assume n is an even integer
m is positive
m^2 = 16
n - m = 6
answer: n

@ signs_of_print => 8
answer: 6 × 4 ÷ 3 − √9 + 3²−6

@ unicode_comparisons => 4
n: integer
n ≥ 2
n ≤ 6
n ≠ 4
answer: count(n)

@ unicode_pi_and_degrees => pi/2
answer: π · cos(60°)

@ currency => 50
price = $12.50
answer: 4 * price

@ thousands => 42240
income = 48,000
tax = 12%
answer: income * (1 - tax)

@ thousands_and_currency => 1020
rent = $1,200
answer: rent - 15% * rent

@ options_with_bracket => C
answer: 3/8 + 1/4
Option A) 1/2
Option B) 3/4
Option C) 5/8
Option D) 7/8

@ capital_keywords => B
Premise: late -> fined
Premise: NOT fined
Ask: Must be true
Option A: late
Option B: NOT late
Option C: fined
Option D: late OR fined

@ fenced_logic => A
```plan
# Facts
premise: If wet then slippery
premise: wet

# Question
ask: must be true
option A) slippery
option B) dry
option C) not wet
option D) not slippery
```

@ the_last_answer_counts => 12
w = 3
answer: w
answer: 4w

@ bars_of_latex => 9
answer: \left| -4 \right| + |5|

@ power_in_braces => 2
3^{2x} = 81
answer: x

@ infinity_sign => 3/2
answer: sum(1/3^k, k, 0, ∞)

@ congruence_sign => 11
n: positive integer
n ≡ 2 (mod 9)
n ≡ 1 (mod 5)
answer: smallest(n)

@ factorials_and_per_cent => 12
answer: 50% * 4!

@ capitals_in_names => 40
Total = 100
Girls = 3/5 * Total
Boys = Total - Girls
answer: Boys
"""

# What must give no answer; several words: any of these outcomes will do.
REFUSED = r"""
@ prose_in_the_middle => plan_invalid
x + y = 10
Now we notice that both numbers have to be even.
x - y = 2
answer: x

@ unknown_function => plan_invalid
answer: frobnicate(3)

@ unbalanced_bracket => plan_invalid
x = (3 + 4
answer: x

@ one_bracket_too_many => plan_invalid
answer: (3 + 4))

@ no_answer_line => plan_invalid
x + y = 10
x - y = 2

@ import_os => plan_invalid
answer: __import__('os').system('id')

@ open_a_file => plan_invalid
answer: open("/etc/passwd").read()

@ attribute => plan_invalid
x = 3
answer: x.__class__

@ attribute_of_a_number => plan_invalid
answer: (1).real

@ lambda => plan_invalid
f = lambda x: x + 1
answer: f(2)

@ string => plan_invalid
answer: "forty-two"

@ evaluated_string => plan_invalid
answer: eval("1 + 1")

@ import_line => plan_invalid
x = 3
from math import sqrt, pi
answer: x + 4

@ loop => plan_invalid
total = 0
for k in range(10): total = total + k
answer: total

@ operator_without_operand => plan_invalid
answer: 3 +

@ two_operators => plan_invalid
answer: 3 * / 4

@ empty => plan_invalid

@ comments_only => plan_invalid
# nothing to see
// here either

@ empty_answer => plan_invalid
x = 3
answer:

@ unknown_question => plan_invalid
premise: a -> b
ask: what is likely
option A: a
option B: b

@ nothing_asked_of_premises => plan_invalid
premise: a -> b
premise: a
option A: a
option B: b

@ arithmetic_in_a_premise => plan_invalid
premise: a + -> b
ask: must be true
option A: a
option B: b

@ unclosed_bar => plan_invalid
answer: |3 - 5

@ indexing => plan_invalid
v = [3, 4, 5]
answer: v["a"]

@ wrong_number_of_arguments => plan_invalid unsolved
answer: binomial(5)

@ contradiction => unsolved
x + y = 10
x + y = 12
answer: x

@ no_real_root => unsolved
x^2 + 1 = 0
answer: x

@ false_sum => unsolved
2 + 2 = 5
answer: 7

@ condition_leaves_none => unsolved
x^2 = 9
x > 5
answer: x

@ contradiction_beside_the_answer => unsolved
x = 3
y > 5
y < 2
answer: x + 1

@ no_integer_beside_a_bounded_search => unsolved
a, b, c: integers
-3 <= a <= 4
1 <= b < 7
0 < c <= 6
floor(b/2) = b
answer: smallest(floor(c/2))

@ no_integers_beside_the_answer => unsolved
a, b, c: digit
5b < b - 1
answer: largest(c)

@ two_values_for_one_name => unsolved
x = 5
x = 7
answer: x

@ not_an_integer => unsolved
n: integer
2n = 7
answer: n

@ equation_without_root => unsolved
x/(x - 1) = 1/(x - 1) + 2
answer: x

@ extraneous_only => unsolved
sqrt(x) = -3
answer: x

@ impossible_congruences => unsolved
n: positive integer
n = 1 (mod 4)
n = 2 (mod 6)
answer: smallest(n)

@ no_option_fits => unsolved
answer: 3 * 7
option A: 20
option B: 22
option C: 24
option D: 28

@ contradictory_premises => unsolved
premise: a
premise: a -> b
premise: not b
ask: must be true
option A: a
option B: b

@ no_option_follows => unsolved
premise: a or b
ask: must be true
option A: a
option B: b
option C: a and b
option D: not a

@ division_by_zero => unsolved plan_invalid
answer: 5 / (3 - 3)

@ tower_of_nines => unsolved plan_invalid
answer: 9^9^9^9

@ huge_factorial => unsolved plan_invalid
answer: factorial(10^12)

@ divergent_sum => unsolved
answer: sum((-1)^k, k, 0, oo)

@ two_roots => ambiguous
x^2 = 4
answer: x

@ undetermined => ambiguous
x + y = 10
answer: x

@ undetermined_point => ambiguous
x + y + z = 6
x - y = 0
answer: (x, y, z)

@ two_integers => ambiguous
n: positive integer
n^2 < 8
answer: n + 1

@ sides_not_told_apart => ambiguous
length * width = 48
length + width = 14
answer: length

@ two_options_equal => ambiguous
answer: 1/2 + 1/4
option A: 3/4
option B: 6/8
option C: 1/4
option D: 1

@ two_options_follow => ambiguous
premise: a and b
ask: must be true
option A: a
option B: b
option C: not a
option D: not b

@ two_options_possible => ambiguous
premise: a or b
ask: could be true
option A: a
option B: b
option C: not a and not b
option D: c and not c
"""

# Rows that a text cannot show.
BUILT = [
    ("windows_lines", "x + y = 9\r\nx - y = 1\r\nanswer: x\r\n", "5"),
    ("tabs_and_spaces", "\n\n\tx\t+ 3 =  10  \n  answer:\tx \n\n", "7"),
    ("no_break_spaces", "x\u00a0+\u00a03 = 10\nanswer:\u00a0x", "7"),
    ("byte_order_mark", "\ufeffx = 4\nanswer: 2x", "8"),
]
BUILT_REFUSED = [
    ("nested_brackets", "answer: " + "(" * 10_000 + "1" + ")" * 10_000, "plan_invalid unsolved"),
    ("open_brackets", "answer: " + "(" * 10_000 + "1", "plan_invalid"),
    ("nested_powers", "answer: " + "2^" * 5_000 + "2", "plan_invalid unsolved"),
    ("nested_negations", "premise: " + "not " * 20_000 + "a\nask: what\noption A: a", "plan_invalid"),
    ("nul", "answer: 3\x00 + 4", "plan_invalid"),
]


def _rows(table: str) -> list[tuple[str, str, str]]:
    """The rows of a table: name, plan, expected."""
    parts = re.split(r"(?m)^@ (\w+) => (.+)\n", table)
    return [(name, plan.strip("\n"), expected) for name, expected, plan in zip(*(iter(parts[1:]),) * 3, strict=True)]


TABLES = {
    "arithmetic": ARITHMETIC,
    "linear": LINEAR,
    "nonlinear": NONLINEAR,
    "diophantine": DIOPHANTINE,
    "intervals": INTERVALS,
    "inequality_counts": INEQUALITY_COUNTS,
    "counting": COUNTING,
    "geometry": GEOMETRY,
    "calculus": CALCULUS,
    "modular": MODULAR,
    "probability": PROBABILITY,
    "number_theory": NUMBER_THEORY,
    "matrices": MATRICES,
    "functions": FUNCTIONS,
    "complex": COMPLEX,
    "symbolic": SYMBOLIC,
    "longer": LONGER,
    "choices": CHOICES,
    "conditionals": CONDITIONALS,
    "puzzles": PUZZLES,
    "mess": MESS,
}
SOLVED = [(group, *row) for group, table in TABLES.items() for row in _rows(table)]
SOLVED += [("mess", *row) for row in BUILT]
UNANSWERED = _rows(REFUSED) + BUILT_REFUSED


def _parts(text: str) -> list[str]:
    """What stands between the commas of a tuple or set, brackets inside it left alone."""
    parts, depth = [""], 0
    for char in text[1:-1]:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _equal(expected: str, found: str) -> bool:
    """Whether two plain texts of ours name exactly the same value: parts one by one, sets in any order."""
    if re.fullmatch(r"[A-Z]", expected) and expected != "I":
        return expected == found
    if expected[0] in "({" and expected.endswith(")}"["({".index(expected[0])]) and "," in expected:
        ours, theirs = _parts(expected), _parts(found)
        if found[:1] != expected[0] or len(ours) != len(theirs):
            return False
        if expected[0] == "(":
            return all(map(_equal, ours, theirs))
        return all(sum(_equal(a, b) for b in theirs) == 1 for a in ours)
    names = {"i": sympy.I, "e": sympy.E}
    difference = sympy.sympify(expected, locals=names) - sympy.sympify(found, locals=names)
    return bool(sympy.simplify(difference) == 0)


def _plain(interval: str) -> str:
    return re.sub(r"\s|\+(?=oo)", "", interval).replace("∪", "U").replace("∞", "oo")


@pytest.mark.parametrize(
    ("group", "plan", "expected"),
    [pytest.param(group, plan, expected, id=f"{group}-{name}") for group, name, plan, expected in SOLVED],
)
def test_a_plan_is_solved(group, plan, expected):
    solution = solve_plan(plan)
    assert solution.outcome == "ok", (solution.outcome, solution.error, plan)
    found = solution.shown.value
    if group == "intervals":
        assert _plain(found) == _plain(expected), plan
    else:
        assert _equal(expected, found), (expected, found, plan)


@pytest.mark.parametrize(
    ("plan", "expected"), [pytest.param(plan, expected, id=name) for name, plan, expected in UNANSWERED]
)
def test_no_answer_is_given(plan, expected):
    solution = solve_plan(plan)
    assert solution.outcome in expected.split(), (solution.outcome, solution.shown, solution.error, plan[:200])
    assert solution.error


def test_names_are_used_once():
    for rows in ([(group, name) for group, name, _, _ in SOLVED], [name for name, _, _ in UNANSWERED]):
        assert len(rows) == len(set(rows))
